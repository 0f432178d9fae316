"""Identification figures, worked out by hand and against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.evaluation.identification import Identification, judge


def example() -> Identification:
    """Five probes with a mate (the fourth's is third, the fifth's is not found), ten without."""
    mates, ranks = np.array([0.9, 0.7, 0.55, 0.5, -np.inf]), np.array([1, 1, 1, 3, 0])
    return Identification(mates, ranks, np.arange(0.1, 1.05, 0.1).round(1))


def test_ranks():
    found = example()
    assert found.rank1 == 0.6
    assert found.cmc(5).tolist() == [0.6, 0.6, 0.8, 0.8, 0.8]


def test_rates_at_thresholds():
    found = example()
    assert found.fpir(0.95) == pytest.approx(0.1)
    assert found.fpir(0.9) == pytest.approx(0.2)  # a score equal to the threshold is accepted
    assert found.fnir(0.7) == pytest.approx(0.6)
    assert found.fnir(0.5) == pytest.approx(0.2)
    assert found.fnir(0.5, rank=1) == pytest.approx(0.4)  # the fourth mate is late
    assert found.fnir(-2.0) == pytest.approx(0.2)  # one mate was not found at all
    np.testing.assert_allclose(found.fpir(np.array([0.0, 2.0])), [1, 0])


def test_threshold_for_a_rate():
    found = example()
    threshold = found.threshold_at(0.1)
    assert 0.9 < threshold < 0.9001  # only the one at 1.0 is left
    assert found.fnir_at(0.1) == 1  # even 0.9 is just below
    assert found.fpir(found.threshold_at(0.0)) == 0
    assert found.threshold_at(1.0) == -np.inf


scores = st.lists(st.integers(-5, 5).map(float) | st.just(-np.inf), min_size=1, max_size=15)


@given(mates=scores, impostors=scores, rate=st.floats(0, 1))
def test_definitions(mates: list[float], impostors: list[float], rate: float):
    found = Identification(np.array(mates), np.ones(len(mates), int), np.array(impostors))
    threshold = found.threshold_at(rate)
    assert np.mean(np.array(impostors) >= threshold) <= rate + 1e-9 or threshold == -np.inf
    assert found.fnir(threshold) == pytest.approx(np.mean(np.array(mates) < threshold))
    curve = found.det()
    assert curve.fpir[0] == 0
    assert curve.fnir[0] == 1
    assert (np.diff(curve.fpir) >= 0).all()
    assert (np.diff(curve.fnir) <= 0).all()


def test_judging_candidates():
    identities = np.array([["ann", "bob"], ["bob", "cy"], ["cy", "ann"], ["bob", None], [None, None]], object)
    scores = np.array([[0.9, 0.2], [0.8, 0.7], [0.6, 0.5], [0.4, -np.inf], [-np.inf, -np.inf]])
    truth = np.array(["ann", "cy", "dora", "ann", "bob"], object)
    found = judge(scores, identities, truth, mated=np.array([True, True, False, True, True]))
    assert found.mate_scores.tolist() == [0.9, 0.7, -np.inf, -np.inf]
    assert found.mate_ranks.tolist() == [1, 2, 0, 0]
    assert found.impostor_scores.tolist() == [0.6]


def test_both_kinds_of_probes_are_needed():
    with pytest.raises(ValueError, match="probes without"):
        judge(np.zeros((2, 1)), np.full((2, 1), None), np.array(["a", "b"], object), np.array([True, True]))
