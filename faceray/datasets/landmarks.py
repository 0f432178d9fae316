"""Names of facial landmarks: the 21 points of AFLW and the 68 of Multi-PIE, left and right as the viewer sees them."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faceray.vision.align import Floats, transform

Landmarks = dict[str, tuple[float, float]]

# Feature 1 to 21 of the database.
AFLW_21 = (
    "left_brow_left",
    "left_brow_center",
    "left_brow_right",
    "right_brow_left",
    "right_brow_center",
    "right_brow_right",
    "left_eye_left",
    "left_eye_center",
    "left_eye_right",
    "right_eye_left",
    "right_eye_center",
    "right_eye_right",
    "left_ear",
    "nose_left",
    "nose_center",
    "nose_right",
    "right_ear",
    "mouth_left",
    "mouth_center",
    "mouth_right",
    "chin",
)
_FIVE_OF_21 = {"left_eye": "left_eye_center", "right_eye": "right_eye_center", "nose": "nose_center"}
_PARTS = {  # parts of the Multi-PIE mark-up and the number of their points, in order (Gross et al., 2010)
    "jaw": 17,
    "left_brow": 5,
    "right_brow": 5,
    "nose_bridge": 4,
    "nose_base": 5,
    "left_eye": 6,
    "right_eye": 6,
    "outer_lip": 12,
    "inner_lip": 8,
}
MULTI_PIE_68 = tuple(f"{part}_{i}" for part, count in _PARTS.items() for i in range(count))


def keypoints(landmarks: Landmarks | None, marked: Sequence[str] = ()) -> list[float] | None:
    """AFLW's 21 points as x, y, visibility of each: 63 numbers, NaN where there is nothing to say.

    Visibility is 1 with the point's place; 0, without a place, for a point that the set marks and that is hidden here;
    NaN for one that the set does not mark. Sets with the faces table's five give five: the centres of the eyes and of
    the nose, and the corners of the mouth.

    Args:
        landmarks: x, y by name; None without labels.
        marked: names of the points that the set marks where they can be seen.
    """
    if landmarks is None:
        return None
    points = {twenty_one: landmarks[five] for five, twenty_one in _FIVE_OF_21.items() if five in landmarks} | landmarks
    hidden, unmarked = (math.nan, math.nan, 0.0), (math.nan, math.nan, math.nan)
    found = {name: (*points[name], 1.0) for name in AFLW_21 if name in points}
    values = [x for name in AFLW_21 for x in found.get(name, hidden if name in marked else unmarked)]
    return values if found or marked else None


def moved(values: Sequence[float] | None, matrix: Floats) -> list[float] | None:
    """Keypoints as of `keypoints` through an affine map (2, 3)."""
    if values is None:
        return None
    points = np.reshape(values, (-1, 3)).astype(np.float64)
    points[:, :2] = transform(points[:, :2], matrix)
    moved: list[float] = points.ravel().tolist()
    return moved


def with_five(points: Landmarks) -> Landmarks:
    """Points of AFLW and, as far as they are visible, the faces table's five: corners of the mouth have one name."""
    return points | {five: points[name] for five, name in _FIVE_OF_21.items() if name in points}


def named_68(points: NDArray[np.floating]) -> Landmarks:
    """The 68 points of Multi-PIE by name, and the faces table's five made from them.

    An eye of the five is the mean of its six points, the nose is the tip, and the mouth has its outer corners.

    Args:
        points: (68, 2), x and y in pixels.
    """
    five = {
        "left_eye": points[36:42].mean(axis=0),
        "right_eye": points[42:48].mean(axis=0),
        "nose": points[30],
        "mouth_left": points[48],
        "mouth_right": points[54],
    }
    named = dict(zip(MULTI_PIE_68, points, strict=True)) | five
    return {name: (float(x), float(y)) for name, (x, y) in named.items()}
