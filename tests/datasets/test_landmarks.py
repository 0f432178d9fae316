"""Names of landmarks: both sets hold the five of the faces table."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faceray.datasets.landmarks import AFLW_21, MULTI_PIE_68, keypoints, moved, named_68, with_five
from faceray.results.schema import LANDMARKS
from faceray.training.landmarks import AFLW


def test_every_point_has_a_name_of_its_own():
    assert (len(AFLW_21), len(set(AFLW_21))) == (21, 21)
    assert (len(MULTI_PIE_68), len(set(MULTI_PIE_68))) == (68, 68)
    assert not set(LANDMARKS) & set(MULTI_PIE_68)


def test_five_points_of_the_21():
    points = {name: (float(i), 0.0) for i, name in enumerate(AFLW_21)}
    five = with_five(points)
    assert [five[name][0] for name in LANDMARKS] == [7, 10, 14, 17, 19]
    assert len(five) == 24
    assert with_five({"nose_center": (1.0, 2.0)}) == {"nose_center": (1, 2), "nose": (1, 2)}
    assert with_five({}) == {}


def test_keypoints_tell_hidden_from_not_marked():
    places = with_five({"nose_center": (3.0, 4.0), "chin": (5.0, 6.0)})
    of_aflw = dict(zip(AFLW_21, np.reshape(keypoints(places, AFLW_21), (21, 3)).tolist(), strict=True))
    assert of_aflw["nose_center"] == [3, 4, 1]
    assert of_aflw["chin"] == [5, 6, 1]
    assert of_aflw["left_ear"][2] == 0
    assert np.isnan(of_aflw["left_ear"][:2]).all()
    of_five = np.reshape(keypoints(dict.fromkeys(LANDMARKS, (1.0, 2.0))), (21, 3))
    assert np.flatnonzero(~np.isnan(of_five[:, 2])).tolist() == [7, 10, 14, 17, 19]
    assert of_five[14].tolist() == [1, 2, 1]


def test_without_labels_there_are_no_keypoints():
    assert keypoints(None) is None
    assert keypoints({"jaw_0": (1.0, 2.0)}) is None
    assert moved(None, np.eye(2, 3)) is None
    assert moved(keypoints({}, AFLW_21), np.eye(2, 3))[2::3] == [0] * 21


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_keypoints_move_with_the_picture_and_stay_hidden(x, y):
    values = moved(keypoints({"chin": (x, y)}, ("chin", "nose_left")), np.array([[0, -2, 5], [2, 0, 7.0]]))
    points = dict(zip(AFLW_21, np.reshape(values, (21, 3)).tolist(), strict=True))
    assert points["chin"] == [5 - 2 * y, 7 + 2 * x, 1]
    assert points["nose_left"][2] == 0
    assert np.isnan(points["right_ear"]).all()


def test_the_trainer_has_the_same_names():
    assert AFLW_21 == AFLW


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
