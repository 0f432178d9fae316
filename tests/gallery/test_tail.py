"""The tail recovers what scores were drawn from, and says what the highest of many does."""

import numpy as np
import pytest
from scipy.stats import genpareto

from faceray.gallery.tail import Tail, extremal_index, fit_tail


@pytest.mark.parametrize("shape", [-0.3, -0.05, 0.0, 0.2])
def test_the_fit_is_scipys(shape: float):
    over = genpareto.rvs(shape, scale=0.05, size=2000, random_state=1)
    tail = fit_tail(0.3 + over, np.ones(2000), 0.3, 1e6)
    expected, _, scale = genpareto.fit(over, floc=0)
    assert tail.shape == pytest.approx(expected, abs=2e-3)
    assert tail.scale == pytest.approx(scale, rel=5e-3)
    assert tail.rate == pytest.approx(2e-3)
    at = np.array([0.3, 0.35, 0.4, 0.45])
    np.testing.assert_allclose(
        tail.above(at), 2e-3 * genpareto.sf(at - 0.3, expected, scale=scale), rtol=0.02, atol=1e-9
    )
    np.testing.assert_allclose(
        tail.density(at), 2e-3 * genpareto.pdf(at - 0.3, expected, scale=scale), rtol=0.02, atol=1e-9
    )


def test_a_weight_is_a_repetition():
    over = genpareto.rvs(-0.1, scale=0.05, size=300, random_state=2)
    times = np.random.default_rng(0).integers(0, 4, 300)
    weighted = fit_tail(0.3 + over, times.astype(float), 0.3, 1e4)
    repeated = fit_tail(0.3 + np.repeat(over, times), np.ones(times.sum()), 0.3, 1e4)
    assert weighted.shape == pytest.approx(repeated.shape, abs=1e-4)
    assert weighted.rate == pytest.approx(repeated.rate)


def test_below_the_level_and_beyond_the_end():
    tail = Tail(level=0.3, rate=0.01, shape=-0.5, scale=0.1)  # ends at 0.5
    assert tail.above(0.1) == tail.above(0.3) == pytest.approx(0.01)
    assert tail.above(0.5) == tail.above(0.9) == 0
    assert tail.density(0.6) == 0


def test_the_highest_of_many_independent_comparisons():
    random = np.random.default_rng(0)
    scores = 0.1 * random.exponential(size=(4000, 500))
    level = float(np.quantile(scores, 0.99))
    tail = fit_tail(scores[scores > level], np.ones((scores > level).sum()), level, scores.size)
    for at in (0.6, 0.7, 0.8):
        assert tail.exceeded(at, 500) == pytest.approx((scores.max(axis=1) >= at).mean(), abs=0.02)
    highest, ones = scores.max(axis=1), np.ones(4000)
    assert extremal_index(highest, ones, 500 * ones, tail, 0.2) == pytest.approx(1, abs=0.05)


def test_comparisons_that_come_in_fours_count_as_one():
    random = np.random.default_rng(0)
    scores = np.repeat(0.1 * random.exponential(size=(4000, 125)), 4, axis=1)
    level = float(np.quantile(scores, 0.99))
    tail = fit_tail(scores[scores > level], np.ones((scores > level).sum()), level, scores.size)
    index = extremal_index(scores.max(axis=1), np.ones(4000), np.full(4000, 500.0), tail, 0.2)
    assert index == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("scores", [[], [0.5], [0.5, 0.5]])
def test_nothing_to_fit(scores: list[float]):
    with pytest.raises(ValueError, match="two different scores"):
        fit_tail(np.array(scores), np.ones(len(scores)), 0.3, 100)
