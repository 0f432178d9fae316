"""Named labels: numbers, one-hot rows, smoothing, class weights, pose classes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nan

from faceray.results.schema import EMOTIONS
from faceray.training.label_codecs import (
    FER2013,
    MIRRORED_POSES,
    POSES,
    class_index,
    class_weights,
    draw,
    one_hot,
    pose_class,
    smooth,
)


def test_labels_travel_by_name_between_the_two_orders_of_emotions():
    assert class_index(["neutral", "anger", "contempt", None], EMOTIONS).tolist()[:3] == [0, 4, 7]
    other = class_index(["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"], FER2013)
    assert other.tolist() == [6, 3, 5, 4, 0, 1, 2]
    assert class_index(["contempt", None], FER2013).isnan().all()


@given(st.lists(st.one_of(st.none(), st.integers(0, 6)), max_size=20))
def test_one_hot_round_trip(numbers: list[int | None]):
    index = torch.tensor([nan if i is None else float(i) for i in numbers])
    rows = one_hot(index, 7)
    assert rows.shape == (len(numbers), 7)
    for row, number in zip(rows, numbers, strict=True):
        assert row.isnan().all() if number is None else (row.argmax() == number and row.sum() == 1)


@pytest.mark.parametrize("number", [-1.0, 7.0, 0.5])
def test_numbers_that_are_no_class_are_refused(number: float):
    with pytest.raises(ValueError, match="class numbers"):
        one_hot(torch.tensor([number]), 7)


def test_smoothing():
    torch.testing.assert_close(smooth(torch.eye(2), 0.02), torch.tensor([[0.99, 0.01], [0.01, 0.99]]))
    torch.testing.assert_close(smooth(torch.eye(8), 0.1).sum(1), torch.ones(8))
    assert smooth(one_hot(torch.tensor([nan]), 3), 0.1).isnan().all()


def test_one_class_is_drawn_by_its_share():
    drawn = draw(torch.tensor([[0.25, 0.75, 0, 0]]).repeat(4000, 1), torch.Generator().manual_seed(0))
    assert (drawn.sum(1) == 1).all()
    assert float(drawn[:, 1].mean()) == pytest.approx(0.75, abs=0.03)
    assert drawn[:, 2:].sum() == 0
    assert draw(torch.full((1, 4), nan)).isnan().all()


def test_class_weights_have_the_ratios_of_the_largest_count_and_mean_1():
    counts = torch.tensor([100, 50, 0, 10])
    weights = class_weights(counts)
    torch.testing.assert_close(weights / weights[0], torch.tensor([1.0, 2, 0, 10]))
    assert float((weights * counts).sum() / counts.sum()) == pytest.approx(1)
    assert class_weights(torch.zeros(3)).tolist() == [0, 0, 0]


def test_pose_classes_at_their_edges():
    yaw = torch.tensor([0, 9.9, -9.9, 10, 59.9, -10, -59.9, -60, 60, 95, -95, nan])
    expected = [0, 0, 0, 1, 1, 2, 2, 3, 4, 4, 3]
    assert pose_class(yaw).tolist()[:-1] == expected
    assert pose_class(yaw)[-1].isnan()


@given(st.floats(-180, 180))
def test_the_mirror_image_has_the_mirrored_pose(yaw: float):
    there, back = pose_class(torch.tensor([yaw, -yaw])).long().tolist()
    assert MIRRORED_POSES[there] == back
    assert ("left" in POSES[there]) == ("right" in POSES[back])
