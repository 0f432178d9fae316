"""Probabilities come true, and what speaks for one person speaks against others."""

import numpy as np
import pytest
from numpy.typing import NDArray

from faceray.gallery.calibration import Calibration
from faceray.gallery.probability import probabilities
from tests.gallery.crowds import calibrated, crowd, top

HARD = 0.5  # cosine similarity of two photos of one person


def test_probabilities_come_true():
    """Of first candidates said to be right with probability p, about p are; half of the probes have a mate."""
    calibration, said, true = calibrated(600, HARD), [], []
    for seed in range(1, 6):
        vectors, who = crowd(900, 2, seed=seed, cosine=HARD)
        first = np.arange(len(who)) % 2 == 0
        entries, probes = np.flatnonzero(first & (who < 600)), np.flatnonzero(~first & (who >= 300))
        scores, rows = top(vectors[probes], vectors[entries], 10)
        people = who[entries[rows]]
        said.append(probabilities(scores, people, calibration, len(entries), 0.5))
        true.append(people == who[probes][:, None])
    p, right = np.concatenate(said), np.concatenate(true)
    for low, high in ((0.02, 0.2), (0.2, 0.4), (0.4, 0.7), (0.7, 1)):
        some = (p >= low) & (p < high)
        assert some.sum() > 100
        assert right[some].mean() == pytest.approx(p[some].mean(), abs=0.1)
    assert (p.sum(axis=1) <= 1.0001).all()


def of(scores: list[float], people: list[int], calibration: Calibration, prior: float = 0.5) -> NDArray[np.float32]:
    return probabilities(np.array([scores]), np.array([people]), calibration, 600, prior)[0]


def test_one_person_against_another():
    calibration = calibrated(600, HARD)
    alone = of([0.62], [1], calibration)[0]
    beside = of([0.75, 0.62], [0, 1], calibration)
    assert 0.3 < alone < 0.9
    assert beside[0] > alone
    assert beside[1] < 0.3 * alone
    assert of([0.75, 0.62], [0, 0], calibration)[1] == pytest.approx(alone, abs=0.1)
    assert of([0.75, 0.62], [-1, -1], calibration)[1] == pytest.approx(alone, abs=0.1)  # perhaps one: nobody knows


def test_scores_priors_and_missing_candidates():
    calibration = calibrated(600, HARD)
    rising = [of([score], [0], calibration)[0] for score in np.linspace(-1, 1, 50)]
    assert (np.diff(rising) >= -1e-3).all()
    assert rising[0] < 0.001
    assert rising[-1] > 0.8
    assert of([0.6], [0], calibration, prior=0.9) > of([0.6], [0], calibration, prior=0.1)
    beside_nothing = of([0.6, -np.inf], [0, -1], calibration)
    assert beside_nothing[0] == pytest.approx(of([0.6], [0], calibration)[0])
    assert beside_nothing[1] == 0
    nothing = probabilities(np.full((2, 1), -np.inf), np.full((2, 1), -1), calibration, 600, 0.5)
    assert nothing.tolist() == [[0], [0]]
