"""Landmark targets: relative coordinates and back, what cannot be seen, mirror images."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nan

from faceray.training.landmarks import (
    AFLW,
    AFLW_MIRRORED,
    FIVE_MIRRORED,
    denormalise,
    mirror,
    mirror_order,
    mirror_pose,
    normalise,
)

BOX = torch.tensor([[100.0, 50, 300, 150]])
inside = st.tuples(st.floats(100, 300), st.floats(50, 150))


def test_the_mirror_order_of_the_21_points():
    pairs = {0: 5, 1: 4, 2: 3, 6: 11, 7: 10, 8: 9, 12: 16, 13: 15, 17: 19, 14: 14, 18: 18, 20: 20}
    assert all(AFLW_MIRRORED[a] == b and AFLW_MIRRORED[b] == a for a, b in pairs.items())
    assert len(AFLW) == 21
    assert FIVE_MIRRORED == (1, 0, 2, 4, 3)
    assert mirror_order(["mouth_left", "chin", "mouth_right"]) == (2, 1, 0)


def test_coordinates_are_relative_to_the_centre_and_size_of_the_box():
    points = torch.tensor([[[200.0, 100], [100, 50], [250, 75]]])
    expected = torch.tensor([[[0, 0, 1], [-0.5, -0.5, 1], [0.25, -0.25, 1]]])
    torch.testing.assert_close(normalise(points, BOX), expected)


@given(st.lists(inside, min_size=1, max_size=5))
def test_round_trip(points: list[tuple[float, float]]):
    pixels = torch.tensor([points])
    torch.testing.assert_close(denormalise(normalise(pixels, BOX)[..., :2], BOX), pixels, atol=1e-3, rtol=1e-5)


def test_what_is_unseen_or_outside_has_no_visibility():
    points = torch.tensor([[[200.0, 100], [nan, nan], [99, 100], [200, 151]]])
    target = normalise(points, BOX)
    assert target[0, :, 2].tolist() == [1, 0, 0, 0]
    assert target[0, 1:].abs().sum() == 0


def test_a_face_without_landmarks_is_not_labelled():
    points = torch.full((2, 3, 2), nan)
    points[1, 0] = torch.tensor([500.0, 500])  # labelled, though nothing of it lies in the region
    target = normalise(points, BOX.repeat(2, 1))
    assert target[0].isnan().all()
    assert target[1].abs().sum() == 0


def test_a_mirrored_region_has_mirrored_landmarks():
    points = torch.rand(4, 21, 2) * 50
    boxes = torch.tensor([[5.0, 8, 45, 48]]).repeat(4, 1)
    flipped_points = torch.stack([60 - points[..., 0], points[..., 1]], 2)[:, list(AFLW_MIRRORED)]
    flipped_boxes = torch.stack([60 - boxes[:, 2], boxes[:, 1], 60 - boxes[:, 0], boxes[:, 3]], 1)
    target = normalise(points, boxes)
    torch.testing.assert_close(mirror(target), normalise(flipped_points, flipped_boxes), atol=1e-5, rtol=0)
    assert torch.equal(mirror(mirror(target)), target)


def test_a_mirrored_head_keeps_its_pitch():
    assert mirror_pose(torch.tensor([[10.0, 20, 30]])).tolist() == [[-10, 20, -30]]
