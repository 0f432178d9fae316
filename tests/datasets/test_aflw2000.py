"""AFLW2000-3D: the real sample, and files that are none."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from faceray.datasets.aflw2000 import SIZE_LIMIT, Aflw2000Options, pose_from_300w_lp, read_aflw2000
from faceray.datasets.landmarks import AFLW_21
from faceray.errors import UserError
from faceray.results.schema import LANDMARKS
from faceray.vision.pose import head_pose
from tests.datasets.layout import reasons, sort_out, touch

POINTS = {"pt3d_68": np.arange(204.0).reshape(3, 68), "pt2d": np.full((2, 21), 7.0)}


def make(root: Path, **arrays: np.ndarray) -> Path:
    touch(root, "image00002.jpg")
    savemat(root / "image00002.mat", {"Pose_Para": np.zeros((1, 7)), **POINTS, **arrays})
    return root / "image00002.mat"


def test_the_real_sample(data: Path):
    samples, dropped = sort_out(read_aflw2000(data / "aflw2000_sample"))
    assert len(samples) == 15
    assert [(entry.image, entry.reason) for entry in dropped] == [("AFLW2000/image00050.jpg", "no such file")]
    assert all(len(sample.landmarks) == 73 for sample in samples)
    five = np.array([[sample.landmarks[name] for name in LANDMARKS] for sample in samples])
    angles = np.array([[sample.yaw, sample.pitch, sample.roll] for sample in samples])
    assert np.ptp(angles, axis=0).min() > 15  # so that a wrong sign would show
    assert (np.abs(head_pose(five) - angles).mean(axis=0) < [5, 5, 4]).all()


def test_hidden_points_of_the_real_sample(data: Path):
    samples, _ = sort_out(read_aflw2000(data / "aflw2000_sample", Aflw2000Options(points="21")))
    named = {Path(sample.image).stem: sample for sample in samples}
    frontal, profile = named["image00430"], named["image02420"]  # the second is turned by 71 degrees to the left
    assert len(frontal.landmarks.keys() & set(AFLW_21)) == 21
    assert len(profile.landmarks.keys() & set(AFLW_21)) == 12
    assert profile.yaw < -60
    assert frontal.landmarks["left_eye"][0] < frontal.landmarks["right_eye"][0]
    assert (
        frontal.landmarks["left_brow_center"][1]
        < frontal.landmarks["left_eye"][1]
        < frontal.landmarks["mouth_left"][1]
    )


def test_points_by_name(tmp_path: Path):
    hidden = np.array([[7.0] * 20 + [-1.0], [9.0] * 20 + [452.0]])
    make(tmp_path, pt2d=hidden)
    (sample,) = read_aflw2000(tmp_path)
    assert sample.image == "image00002.jpg"
    assert sample.landmarks["jaw_5"] == (5, 73)
    (sample,) = read_aflw2000(tmp_path, Aflw2000Options(points="21"))
    assert sample.landmarks["nose"] == (7, 9)
    assert len(sample.landmarks) == 23  # 20, and three under the names of the faces table
    assert "chin" not in sample.landmarks
    assert sample.marked == AFLW_21


@given(angle=st.floats(-1.5, 1.5))
def test_signs_of_single_angles(angle: float):
    degrees = np.degrees(angle)
    assert pose_from_300w_lp(angle, 0, 0) == pytest.approx((0, degrees, 0), abs=1e-6)
    assert pose_from_300w_lp(0, angle, 0) == pytest.approx((-degrees, 0, 0), abs=1e-6)
    assert pose_from_300w_lp(0, 0, angle) == pytest.approx((0, 0, degrees), abs=1e-6)


@pytest.mark.parametrize(
    "arrays",
    [
        {"Pose_Para": np.zeros((1, 2))},
        {"Pose_Para": np.array([[np.nan] * 7])},
        {"pt3d_68": np.zeros((3, 67))},
        {"pt3d_68": np.array([["text"]], object)},
        {"pt2d": np.zeros((2, 20))},
    ],
)
def test_other_content_is_refused(tmp_path: Path, arrays: dict):
    make(tmp_path, **arrays)
    with pytest.raises(UserError, match=r"image00002\.mat"):
        list(read_aflw2000(tmp_path))


def test_damage_is_one_line(tmp_path: Path):
    path = make(tmp_path)
    sound = path.read_bytes()
    bomb = zlib.compress(b"\x0e\0\0\0" + (200 << 20).to_bytes(4, "little") + bytes(1 << 20))
    compressed = sound[:128] + b"\x0f\0\0\0" + len(bomb).to_bytes(4, "little") + bomb
    for content in (b"", b"text" * 100, sound[:200], sound[:-700], sound[:128] + b"\xff" * 500, compressed):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"^[^\n]*image00002\.mat is not a file of AFLW2000-3D[^\n]*$"):
            list(read_aflw2000(tmp_path))


def test_large_files_are_not_opened(tmp_path: Path):
    make(tmp_path).write_bytes(bytes(SIZE_LIMIT + 1))
    with pytest.raises(UserError, match="not a file of this set"):
        list(read_aflw2000(tmp_path))


def test_photos_that_are_absent(tmp_path: Path):
    make(tmp_path)
    (tmp_path / "image00002.jpg").unlink()
    _, dropped = sort_out(read_aflw2000(tmp_path))
    assert reasons(dropped) == {"no such file": 1}
    with pytest.raises(UserError, match=r"no \.mat files"):
        list(read_aflw2000(tmp_path / "empty"))
