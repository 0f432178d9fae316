"""Verification sets: pairs in ten folds out of one pickle."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from faceray.datasets.insightface_bin import insightface_pairs, read_insightface_bin
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out

JPEG = b"\xff\xd8 image %d \xff\xd9"


def make(path: Path, pairs: int, protocol: int = 4) -> list[bytes]:
    images = [JPEG % i for i in range(2 * pairs)]
    path.write_bytes(pickle.dumps((images, [i % 2 == 0 for i in range(pairs)]), protocol))
    return images


def test_images_and_folds(tmp_path: Path):
    images = make(tmp_path / "agedb_30.bin", 20)
    samples, dropped = sort_out(read_insightface_bin(tmp_path / "agedb_30.bin"))
    assert not dropped
    assert [sample.data for sample in samples] == images
    assert samples[5].image == "agedb_30.bin#5"
    assert [sample.pair_fold for sample in samples[:9]] == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    assert samples[-1].pair_fold == 9
    assert samples[0].identity is None


def test_pairs_name_the_images(tmp_path: Path):
    make(tmp_path / "lfw.bin", 23)
    pairs = insightface_pairs(tmp_path / "lfw.bin")
    samples, _ = sort_out(read_insightface_bin(tmp_path / "lfw.bin"))
    assert pairs.first[:2] == ("lfw.bin#0", "lfw.bin#2")
    assert pairs.second[:2] == ("lfw.bin#1", "lfw.bin#3")
    assert pairs.same.tolist() == [i % 2 == 0 for i in range(23)]
    assert np.bincount(pairs.fold).tolist() == [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]  # as scikit-learn's KFold cuts them
    assert pairs.fold.tolist() == [sample.pair_fold for sample in samples[::2]]


def test_all_files_of_a_folder(tmp_path: Path):
    make(tmp_path / "lfw.bin", 1)
    make(tmp_path / "cfp_fp.bin", 1)
    samples, _ = sort_out(read_insightface_bin(tmp_path))
    assert [sample.image for sample in samples] == ["cfp_fp.bin#0", "cfp_fp.bin#1", "lfw.bin#0", "lfw.bin#1"]


def test_arrays_as_opencv_gives_them(tmp_path: Path):
    images = [np.frombuffer(JPEG % i, np.uint8) for i in range(2)]
    (tmp_path / "x.bin").write_bytes(pickle.dumps((images, np.array([True])), 2))
    samples, _ = sort_out(read_insightface_bin(tmp_path))
    assert [sample.data for sample in samples] == [JPEG % 0, JPEG % 1]
    assert insightface_pairs(tmp_path / "x.bin").same.tolist() == [True]


def test_an_empty_image_is_dropped(tmp_path: Path):
    (tmp_path / "x.bin").write_bytes(pickle.dumps(([b"image", b""], [True])))
    samples, dropped = sort_out(read_insightface_bin(tmp_path))
    assert len(samples) == 1
    assert reasons(dropped) == {"no bytes": 1}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("text", "not a list of images and a list of truth values"),
        (([b"a", b"b"], [True], []), "not a list of images"),
        (([b"a", b"b", b"c"], [True]), "3 images for 1 pairs"),
        (([b"a", 7], [True]), "a int among its images"),
        (([b"a", [b"b"]], [True]), "a list among its images"),
        (([b"a", b"b"], [2]), "more than True and False"),
        (([b"a", b"b"], [b"yes"]), "more than True and False"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, value: object, message: str):
    (tmp_path / "x.bin").write_bytes(pickle.dumps(value))
    with pytest.raises(UserError, match=message):
        list(read_insightface_bin(tmp_path))


def test_a_truncated_file(tmp_path: Path):
    make(tmp_path / "x.bin", 50)
    content = (tmp_path / "x.bin").read_bytes()
    (tmp_path / "x.bin").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"x\.bin is not a pickle of plain values"):
        list(read_insightface_bin(tmp_path))


def test_an_empty_folder(tmp_path: Path):
    with pytest.raises(UserError, match=r"no \.bin file"):
        list(read_insightface_bin(tmp_path))
