"""Boxes: overlaps by hand, suppression against torchvision and against facenet-pytorch."""

import numpy as np
import torch
from facenet_pytorch.models.utils import detect_face as reference
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import box_iou
from torchvision.ops import nms as torchvision_nms

from faceray.vision.boxes import iou, nms, nms_by_smaller_area, pixel_rectangles, regress, square


def boxes(seed: int, count: int, side: float = 60) -> torch.Tensor:
    """Random boxes of 10 to 40 pixels that often overlap."""
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, side, (count, 2)), rng.uniform(10, 40, (count, 2))
    return torch.from_numpy(np.concatenate([corner, corner + size], 1)).float()


def scores(seed: int, count: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed + 1000).permutation(count)).float() / count


def test_overlap_by_hand() -> None:
    a = torch.tensor([[0.0, 0, 10, 10]])
    b = torch.tensor(
        [[0.0, 0, 10, 10], [5, 0, 15, 10], [5, 5, 15, 15], [10, 0, 20, 10], [50, 50, 60, 60], [2, 2, 7, 6]]
    )
    torch.testing.assert_close(iou(a, b), torch.tensor([[1, 50 / 150, 25 / 175, 0, 0, 20 / 100]]))


def test_empty_boxes_overlap_with_nothing() -> None:
    none, some = torch.tensor([[5.0, 5, 5, 5], [9, 9, 3, 3]]), torch.tensor([[0.0, 0, 10, 10]])
    assert torch.equal(iou(none, some), torch.zeros(2, 1))
    assert iou(none[:0], some).shape == (0, 1)


@given(st.integers(0, 50), st.integers(1, 20), st.integers(1, 20))
def test_overlap_equals_torchvision(seed: int, n: int, m: int) -> None:
    a, b = boxes(seed, n), boxes(seed + 100, m)
    torch.testing.assert_close(iou(a, b), box_iou(a, b))


def test_suppression_by_hand() -> None:
    # 0 and 1 overlap by 80/120, 2 is elsewhere; 3 lies on 0 in another group
    found = torch.tensor([[0.0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60], [0, 0, 10, 10]])
    confidence, group = torch.tensor([0.8, 0.9, 0.3, 0.7]), torch.tensor([0, 0, 0, 1])
    assert nms(found, confidence, group, 0.5).tolist() == [1, 2, 3]
    assert nms(found, confidence, group, 0.7).tolist() == [1, 0, 2, 3]
    assert nms(found, confidence, torch.zeros(4, dtype=torch.int64), 0.5).tolist() == [1, 2]


@given(st.integers(0, 50), st.integers(0, 60), st.integers(1, 4), st.floats(0.1, 0.9))
def test_groups_are_suppressed_as_if_alone(seed: int, count: int, groups: int, threshold: float) -> None:
    found, confidence = boxes(seed, count), scores(seed, count)
    group = torch.from_numpy(np.random.default_rng(seed).integers(0, groups, count))
    alone = [
        (group == g).nonzero().view(-1)[torchvision_nms(found[group == g], confidence[group == g], threshold)]
        for g in range(groups)
    ]
    assert nms(found, confidence, group, threshold).tolist() == torch.cat(alone).tolist()


def test_far_groups_do_not_round_boxes() -> None:
    """Groups are often kept apart by shifting boxes: in float32 that would lose these 0.001 pixels of overlap."""
    found = torch.tensor([[0.0, 0, 1000, 1000], [0, 0, 1000, 501.001], [0, 0, 1000, 1000], [0, 0, 1000, 500.999]])
    confidence, group = torch.tensor([0.9, 0.8, 0.7, 0.6]), torch.tensor([100_000, 100_000, 100_001, 100_001])
    assert nms(found, confidence, group, 0.501).tolist() == [0, 2, 3]


def test_a_box_inside_another_is_dropped_by_the_smaller_area() -> None:
    found = torch.tensor([[0.0, 0, 100, 100], [40, 40, 60, 60], [200, 0, 220, 20]])
    for confidence in (torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0.8, 0.9, 0.7])):
        best = int(confidence.argmax())
        assert nms_by_smaller_area(found, confidence, 0.7).tolist() == [best, 2]
        assert nms(found, confidence, torch.zeros(3, dtype=torch.int64), 0.7).numel() == 3  # IoU is 0.04
    assert nms_by_smaller_area(found[:0], found[:0, 0], 0.7).tolist() == []


@given(st.integers(0, 200), st.integers(1, 40), st.booleans())
def test_last_suppression_is_that_of_facenet_pytorch(seed: int, count: int, equal_scores: bool) -> None:
    found = boxes(seed, count)
    confidence = torch.full((count,), 0.99) if equal_scores else scores(seed, count)
    expected = reference.nms_numpy(found.numpy(), confidence.numpy(), 0.7, "Min")
    assert nms_by_smaller_area(found, confidence, 0.7).tolist() == expected.tolist()


def test_regression_moves_each_edge_by_its_share() -> None:
    box, offsets = torch.tensor([[10.0, 20, 29, 59]]), torch.tensor([[0.1, -0.1, 0.5, 0.0]])
    torch.testing.assert_close(regress(box, offsets), torch.tensor([[12.0, 16, 39, 59]]))  # 20 by 40 pixels
    torch.testing.assert_close(regress(box, offsets, inclusive=0), torch.tensor([[11.9, 16.1, 38.5, 59]]))


@given(st.integers(0, 50), st.integers(1, 20))
def test_squares_keep_centre_and_longer_side(seed: int, count: int) -> None:
    found = boxes(seed, count)
    squares = square(found)
    size, longer = squares[:, 2:] - squares[:, :2], (found[:, 2:] - found[:, :2]).max(1).values
    torch.testing.assert_close(size, longer[:, None].expand(-1, 2), rtol=0, atol=1e-4)
    torch.testing.assert_close(squares[:, :2] + squares[:, 2:], found[:, :2] + found[:, 2:], rtol=0, atol=1e-4)


def test_rectangles_are_cut_at_the_edges() -> None:
    found = torch.tensor([[3.9, 4.9, 10.9, 11.9], [-5.0, -5, 500, 500], [150, 10, 170, 30], [-30, -30, -10, -10]])
    width, height = torch.full((4,), 100), torch.full((4,), 80)
    rectangles = pixel_rectangles(found, width, height)
    assert rectangles.tolist()[:2] == [[2, 3, 10, 11], [0, 0, 100, 80]]
    assert all(x2 <= x1 or y2 <= y1 for x1, y1, x2, y2 in rectangles.tolist()[2:])  # nothing left of these


@given(st.integers(0, 50), st.integers(1, 30), st.integers(5, 80), st.integers(5, 80))
def test_rectangles_are_those_of_facenet_pytorch(seed: int, count: int, width: int, height: int) -> None:
    found = boxes(seed, count) - 20
    y1, y2, x1, x2 = reference.pad(found, width, height)
    expected = np.stack([x1 - 1, y1 - 1, x2, y2], 1)
    assert np.array_equal(pixel_rectangles(found, torch.tensor(width), torch.tensor(height)).numpy(), expected)
