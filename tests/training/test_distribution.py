"""Earth mover's distance against a linear programme; weights of clusters near to and far from the labelled ones."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from faceray.training.distribution import distribution_weights, partial_emd

rng = np.random.default_rng(0)
positive = st.floats(0.01, 1)


def by_linear_programme(distance: list[float], mass: float, masses: list[float]) -> float:
    total = min(mass, sum(masses))
    n = len(masses)
    plan = linprog(
        distance,
        A_ub=np.vstack([np.eye(n), np.ones((1, n))]),
        b_ub=[*masses, mass],
        A_eq=np.ones((1, n)),
        b_eq=[total],
        bounds=[(0, None)] * n,
    )
    return float(plan.fun / total)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=6), positive)
def test_the_nearest_hole_first_is_the_cheapest_plan(holes: list[tuple[float, float]], mass: float):
    distance, masses = map(list, zip(*holes, strict=True))
    found = partial_emd(torch.tensor(distance).double(), mass, torch.tensor(masses).double())
    assert float(found) == pytest.approx(by_linear_programme(distance, mass, masses), rel=1e-6)


def test_by_hand():
    distance, masses = torch.tensor([3.0, 1.0, 10.0]), torch.tensor([0.5, 0.25, 0.25])
    assert partial_emd(distance, 0.5, masses).item() == pytest.approx((0.25 * 1 + 0.25 * 3) / 0.5)
    assert partial_emd(distance, 1.0, masses).item() == pytest.approx(0.25 * 1 + 0.5 * 3 + 0.25 * 10)


def test_weights_are_inverse_distances_of_the_clusters_from_the_labelled_ones():
    # labelled: half at (0, 0), half at (0, 1); guessed: 40 % at (0, 0.5), 60 % at (6, 0)
    noise = 1e-3
    labelled = np.vstack([rng.normal([0, 0], noise, (100, 2)), rng.normal([0, 1], noise, (100, 2))])
    guessed = np.vstack([rng.normal([0, 0.5], noise, (40, 2)), rng.normal([6, 0], noise, (60, 2))])
    found = distribution_weights(torch.tensor(guessed), torch.tensor(labelled), clusters=2)
    far = (0.5 * 6 + 0.1 * np.hypot(6, 1)) / 0.6
    np.testing.assert_allclose(found[:40], 1, rtol=0.01)
    np.testing.assert_allclose(found[40:], 0.5 / far, rtol=0.01)


def test_scales_do_not_matter():
    labelled, guessed = torch.tensor(rng.normal(size=(80, 3))), torch.tensor(rng.normal(size=(60, 3)) + 1)
    found = distribution_weights(guessed, labelled)
    torch.testing.assert_close(distribution_weights(guessed * 1000, labelled * 1000), found, rtol=1e-3, atol=1e-4)


def test_the_same_samples_and_empty_sets():
    x = torch.tensor(rng.normal(size=(30, 3)))
    assert distribution_weights(x, x).isfinite().all()
    assert distribution_weights(x, x[:0]).tolist() == [1] * 30
    assert distribution_weights(x[:0], x).shape == (0,)
    assert distribution_weights(torch.ones(5, 2), torch.ones(5, 2)).tolist() == [1] * 5
