"""Names of landmarks: both sets hold the five of the faces table."""

import numpy as np

from faceray.datasets.landmarks import AFLW_21, AFLW_21_MIRROR, MULTI_PIE_68, named_68
from faceray.results.schema import LANDMARKS


def test_every_point_has_a_name_of_its_own():
    assert (len(AFLW_21), len(set(AFLW_21))) == (21, 21)
    assert (len(MULTI_PIE_68), len(set(MULTI_PIE_68))) == (68, 68)
    assert set(LANDMARKS) <= set(AFLW_21)
    assert not set(LANDMARKS) & set(MULTI_PIE_68)


def test_mirrored_points():
    pairs = {0: 5, 1: 4, 2: 3, 6: 11, 7: 10, 8: 9, 12: 16, 13: 15, 17: 19, 14: 14, 18: 18, 20: 20}
    assert dict(enumerate(AFLW_21_MIRROR)) == pairs | {b: a for a, b in pairs.items()}


def test_points_of_the_mark_up_by_number():
    points = np.arange(136, dtype=float).reshape(68, 2)
    named = named_68(points)
    numbers = {
        "jaw_0": 0,
        "jaw_16": 16,
        "left_brow_0": 17,
        "right_brow_4": 26,
        "nose_bridge_0": 27,
        "nose_base_0": 31,
        "left_eye_0": 36,
        "right_eye_5": 47,
        "outer_lip_0": 48,
        "inner_lip_0": 60,
        "inner_lip_7": 67,
        "nose": 30,
        "mouth_left": 48,
        "mouth_right": 54,
    }
    assert {name: named[name] for name in numbers} == {name: tuple(points[i]) for name, i in numbers.items()}
    assert named["left_eye"] == (77, 78)  # the mean of points 36 to 41
    assert named["right_eye"] == (89, 90)
    assert len(named) == 73
