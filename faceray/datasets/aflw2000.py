"""AFLW2000-3D (Zhu et al., CVPR 2016): 2,000 faces with head pose and 68 landmarks, hidden ones included."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from faceray.datasets.files import relative
from faceray.datasets.landmarks import AFLW_21, Landmarks, named_68, with_five
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError

SIZE_LIMIT = 1 << 16  # bytes; real files have 4 kB, and a compressed one unpacks to a thousand times its size at most


@dataclass(frozen=True)
class Aflw2000Options:
    """points: `68`, all of them, or AFLW's own `21`, of which hidden ones are absent."""

    points: Literal["68", "21"] = "68"


def read_aflw2000(root: Path, options: Aflw2000Options = Aflw2000Options()) -> Iterator[Sample | Dropped]:
    """AFLW2000-3D: `image00002.mat` beside `image00002.jpg`, in `root` or in `AFLW2000/`, sorted by name.

    Yaw, pitch and roll are made from the files' angles by way of the rotation: their order differs from ours.

    Raises:
        UserError: there are no such files, or one is damaged.
    """
    folder = root / "AFLW2000" if (root / "AFLW2000").is_dir() else root
    files = sorted(folder.glob("*.mat"))
    if not files:
        raise UserError(f"{folder} has no .mat files")
    for path in files:
        image = path.with_suffix(".jpg")
        if not image.is_file():
            yield Dropped(relative(image, root), "no such file")
            continue
        pose, points_68, points_21 = _content(path)
        yaw, pitch, roll = pose_from_300w_lp(*pose.tolist())
        landmarks, marked = (named_68(points_68), ()) if options.points == "68" else (_visible(points_21), AFLW_21)
        name = relative(image, root)
        yield Sample(image=name, landmarks=landmarks, marked=marked, yaw=yaw, pitch=pitch, roll=roll)


def pose_from_300w_lp(pitch: float, yaw: float, roll: float) -> tuple[float, float, float]:
    """Angles of 300W-LP and AFLW2000-3D in radians as yaw, pitch, roll in degrees as in the faces table.

    There the head is rolled first, then turned (yaw is positive to the viewer's left), then nods.
    """
    (cx, cy, cz), (sx, sy, sz) = np.cos([pitch, yaw, roll]), np.sin([pitch, yaw, roll])
    nod = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    turn = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    tilt = np.array([[cz, sz, 0], [-sz, cz, 0], [0, 0, 1]])
    r = nod @ turn @ tilt
    radians = np.arctan2(-r[2, 0], r[2, 2]), -np.arcsin(np.clip(r[2, 1], -1, 1)), np.arctan2(r[0, 1], r[1, 1])
    ours_yaw, ours_pitch, ours_roll = (float(np.degrees(angle)) for angle in radians)
    return ours_yaw, ours_pitch, ours_roll


def _visible(points: NDArray[np.float64]) -> Landmarks:
    """AFLW's points by name; hidden ones have x = -1."""
    return with_five({name: (float(x), float(y)) for name, (x, y) in zip(AFLW_21, points, strict=True) if x >= 0})


def _content(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Pitch, yaw and roll (3,) in radians; the points (68, 2) and (21, 2)."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise UserError(f"{path} has more than {SIZE_LIMIT} bytes: not a file of this set")
        content: dict[str, Any] = loadmat(
            io.BytesIO(path.read_bytes()), variable_names=["Pose_Para", "pt3d_68", "pt2d"], chars_as_strings=False
        )
        pose = np.asarray(content["Pose_Para"], np.float64)[0, :3]
        points_68 = np.asarray(content["pt3d_68"], np.float64)[:2].T
        points_21 = np.asarray(content["pt2d"], np.float64).T
    except UserError:
        raise
    except Exception as error:  # damaged files end SciPy's reader in many ways
        raise UserError(f"{path} is not a file of AFLW2000-3D: {str(error)[:100]}") from error
    if (pose.shape, points_68.shape, points_21.shape) != ((3,), (68, 2), (21, 2)):
        raise UserError(f"{path} does not have three angles, 68 points and 21 points")
    if not (np.isfinite(pose).all() and np.isfinite(points_68).all()):
        raise UserError(f"{path} has angles or points that are not finite")
    return pose, points_68, points_21
