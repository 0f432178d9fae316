"""Pose angles and keypoints as targets; their mirror images; figures by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nan

from faceray.datasets.landmarks import AFLW_21
from faceray.training.objectives.geometry import Landmarks, PoseAngles, Visibility
from tests.training.objectives.labels import labels

HIDDEN, UNMARKED = (math.nan, math.nan, 0.0), (math.nan, math.nan, math.nan)
NOSE, LEFT_EAR, RIGHT_EAR = (AFLW_21.index(name) for name in ("nose_center", "left_ear", "right_ear"))


def keypoints(others: tuple[float, ...] = HIDDEN, **points: tuple[float, float]) -> dict[str, list[float]]:
    """As `read_labels` gives them, relative to the picture; what is not given is hidden, or like `others`."""
    found = {name: (x, y, 1.0) for name, (x, y) in points.items()}
    return {"keypoints": [value for name in AFLW_21 for value in found.get(name, others)]}


def test_angles_are_units_of_45_degrees() -> None:
    rows = labels({"roll": 45.0, "pitch": -90.0, "yaw": 9.0}, {"yaw": 5.0})
    target = PoseAngles().encode(rows)
    assert target[0].tolist() == pytest.approx([1, -2, 0.2])
    assert target[1].isnan().any()
    assert PoseAngles().task.outputs == 3


def test_a_mirrored_head_nods_the_same_and_turns_and_tilts_the_other_way() -> None:
    target = PoseAngles().encode(labels({"roll": 45.0, "pitch": 18.0, "yaw": -9.0}))
    assert PoseAngles().mirrored(target)[0].tolist() == pytest.approx([-1, 0.4, 0.2])


def test_figures_of_angles_are_degrees_the_short_way_round() -> None:
    truth = torch.tensor([[0.0, 0.0, 0.0], [3.9, 0.0, 0.0], [nan, nan, nan]])  # 175.5 degrees
    said = torch.tensor([[0.2, 0.0, 0.4], [-3.9, 0.4, 0.0], [0.0, 0.0, 0.0]])
    found = PoseAngles().figures(said, truth)
    expected = {"roll": (9 + 9) / 2, "pitch": 9.0, "yaw": 9.0, "mae": 9.0}
    assert found == pytest.approx(expected, rel=1e-4)


def test_places_and_what_is_hidden() -> None:
    target = Landmarks().encode(labels(keypoints(nose_center=(0.0, -0.25)), {}))
    assert target.shape == (2, 21, 3)
    assert target[0, NOSE].tolist() == [0, -0.25, 1]
    assert target[0, LEFT_EAR].tolist() == [0, 0, 0]  # hidden: nothing is asked of its place
    assert target[1].isnan().all()


def test_points_outside_the_picture_cannot_be_seen() -> None:
    target = Landmarks().encode(labels(keypoints(nose_center=(0.1, 0.1), chin=(0.1, 0.7))))
    assert target[0, NOSE, 2] == 1
    assert target[0, AFLW_21.index("chin")].tolist() == [0, 0, 0]


def test_points_that_a_set_does_not_mark_teach_no_place_and_leave_visibility_open() -> None:
    rows = labels(keypoints(UNMARKED, nose_center=(0.1, 0.2)), keypoints(UNMARKED))
    places = Landmarks().encode(rows)
    assert places[0, NOSE].tolist() == pytest.approx([0.1, 0.2, 1])
    assert places[0, LEFT_EAR, 2] == 0
    assert places[1].isnan().all()
    assert Visibility().encode(rows).isnan().flatten(1).any(1).all()


POINTS = st.dictionaries(st.sampled_from(AFLW_21), st.tuples(*[st.floats(-0.7, 0.7)] * 2), max_size=21)


def swapped(name: str) -> str:
    return "_".join({"left": "right", "right": "left"}.get(word, word) for word in name.split("_"))


@given(POINTS)
def test_mirrored_points_are_the_points_of_mirrored_pictures(points: dict[str, tuple[float, float]]) -> None:
    mirrored = {swapped(name): (-x, y) for name, (x, y) in points.items()}
    target = Landmarks().mirrored(Landmarks().encode(labels(keypoints(**points))))
    torch.testing.assert_close(target, Landmarks().encode(labels(keypoints(**mirrored))))


def test_the_loss_of_places_counts_what_is_seen() -> None:
    target = Landmarks().encode(labels(keypoints(nose_center=(0.0, 0.0))))
    output = torch.full((1, 42), 0.3)
    output[0, 2 * NOSE : 2 * NOSE + 2] = torch.tensor([0.3, 0.4])
    assert Landmarks().loss(output, target).item() == pytest.approx(0.25 / 21 / 2, rel=1e-4)


def test_the_figure_of_places_is_a_share_of_the_side() -> None:
    target = Landmarks().encode(labels(keypoints(nose_center=(0.1, 0.1), chin=(0.1, 0.4)), {}))
    said = target[:, :, :2].nan_to_num().reshape(2, 42).clone()
    said[0, 2 * NOSE] += 0.1
    assert Landmarks().figures(said, target) == pytest.approx({"nme": 0.05})
    assert math.isnan(Landmarks().figures(said[1:], target[1:])["nme"])


def test_visibility() -> None:
    objective = Visibility()
    target = objective.encode(labels(keypoints(nose_center=(0.1, 0.1)), {}))
    said = torch.zeros(2, 21)
    assert objective.loss(said[:1], target[:1]).item() == pytest.approx(1 / 21)
    assert objective.figures(said, target) == pytest.approx({"accuracy": 20 / 21})
    said[:, NOSE] = 0.9
    assert objective.figures(said, target) == {"accuracy": 1.0}
    assert objective.mirrored(target)[0, :, 2].nonzero()[:, 0].tolist() == [NOSE]


def test_mirrored_ears_change_sides() -> None:
    target = Visibility().encode(labels(keypoints(left_ear=(-0.4, 0.0))))
    assert Visibility().mirrored(target)[0, :, 2].nonzero()[:, 0].tolist() == [RIGHT_EAR]
