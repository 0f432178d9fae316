"""Losses of numbers against hand-worked values."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from faceray.training.landmarks import normalise
from faceray.training.regression_losses import (
    DeadZone,
    GaussianL2,
    absolute_error,
    landmark_error,
    relative_squared_error,
    squared_error,
    visibility_error,
)

AGE, TRUTH = torch.tensor([[30.0], [41], [20]]), torch.tensor([33.0, 40, 20])


def test_outputs_of_one_column_meet_their_own_targets():
    assert absolute_error(AGE, TRUTH).tolist() == [3, 1, 0]
    assert squared_error(AGE, TRUTH).tolist() == [9, 1, 0]


def test_pose_error_is_the_mean_over_the_three_angles():
    assert squared_error(torch.tensor([[1.0, 2, 3]]), torch.tensor([[0.0, 0, 0]])).item() == pytest.approx(14 / 3)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, 4.5), (1, 1 - math.exp(-0.5)), (0.25, 0.75 * 4.5 + 0.25 * (1 - math.exp(-0.5)))],
)
def test_the_age_loss_goes_from_a_square_to_a_gaussian_of_3_years(share: float, expected: float):
    assert GaussianL2(share)(AGE, TRUTH)[0].item() == pytest.approx(expected)


def test_sigma_comes_with_the_sample_where_the_set_has_it():
    target = torch.tensor([[33.0, 3], [33, 6]])
    found = GaussianL2(1.0, sigma=99)(torch.tensor([[30.0], [30]]), target)
    np.testing.assert_allclose(found, [1 - math.exp(-0.5), 1 - math.exp(-0.125)], rtol=1e-6)


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 1))
def test_the_age_loss_is_0_at_the_truth_only(predicted: float, truth: float, share: float):
    value = GaussianL2(share)(torch.tensor([predicted]), torch.tensor([truth])).item()
    assert value >= 0
    assert math.isfinite(value)
    if abs(predicted - truth) > 0.01:
        assert value > 0


def test_errors_in_the_dead_zone_are_free():
    found = DeadZone()(torch.tensor([31.5, 32.0, 28.0]), torch.tensor([30.0, 30, 30]))
    assert found.tolist() == [0, 1.75, 1.75]


def test_relative_error_is_finite_for_the_newborn():
    found = relative_squared_error(torch.tensor([4.0, 14]), torch.tensor([0.0, 16]))
    assert found.tolist() == [16, 1]


def test_landmarks_count_as_far_as_they_are_visible():
    target = torch.tensor([[[0.1, 0.2, 1], [0, 0, 0], [-0.3, 0.4, 1]]])
    output = torch.tensor([[0.1, 0.4, 7, 7, 0.0, 0.0]])
    expected = (0.2**2 + 0.3**2 + 0.4**2) / (2 * 3)
    assert landmark_error(output, target).item() == pytest.approx(expected)


def test_visibility_is_a_mean_square():
    target = torch.tensor([[[0.1, 0.2, 1], [0, 0, 0]]])
    assert visibility_error(torch.tensor([[0.5, 0.5]]), target).item() == pytest.approx(0.25)


def test_perfect_landmarks_cost_nothing():
    points = torch.rand(3, 21, 2) * 100
    target = normalise(points, torch.tensor([[0.0, 0, 100, 100]]).repeat(3, 1))
    assert landmark_error(target[..., :2].reshape(3, 42), target).abs().max() < 1e-12
