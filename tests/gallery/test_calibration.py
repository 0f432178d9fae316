"""Thresholds keep their promise on people who had no part in making them, at the gallery's size and beyond."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.gallery.calibration import Calibration, calibrate
from tests.gallery.crowds import calibrated, comparisons, crowd


def false_positives(vectors: NDArray[np.float32], who: NDArray[np.int64], threshold: float) -> float:
    """Part of the faces that resemble some other person's by the threshold or more."""
    scores = vectors @ vectors.T
    scores[who[:, None] == who] = -1
    return float((scores.max(axis=1) >= threshold).mean())


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrated(600)


def test_the_promise_holds_for_others(calibration: Calibration):
    strangers = [crowd(600, 2, seed=seed) for seed in range(1, 6)]
    measured = [false_positives(*crowd_, calibration.threshold(1200)) for crowd_ in strangers]
    assert 0.005 < np.mean(measured) < 0.02


def test_the_promise_holds_in_a_gallery_three_times_as_large(calibration: Calibration):
    larger = [crowd(1800, 2, seed=seed) for seed in (1, 2)]
    measured = np.mean([false_positives(*crowd_, calibration.threshold(3600)) for crowd_ in larger])
    assert 0.004 < measured < 0.03
    unchanged = np.mean([false_positives(*crowd_, calibration.threshold(1200)) for crowd_ in larger])
    assert unchanged > 1.7 * measured


def test_hold_out_says_so_too(calibration: Calibration):
    same, grown = calibration.checks
    assert same.grown == pytest.approx(1, abs=0.1)
    assert grown.grown == pytest.approx(3, abs=0.3)
    assert 0.004 < same.measured < 0.025
    assert 0.004 < grown.measured < 0.03


def test_thresholds_grow_with_the_gallery_and_with_strictness(calibration: Calibration):
    thresholds = [calibration.threshold(faces) for faces in (1200, 12_000, 120_000, 10**9)]
    assert thresholds == sorted(thresholds)
    assert thresholds[-1] <= 1
    assert calibration.threshold(1200, 0.001) > calibration.threshold(1200, 0.01) > calibration.threshold(1200, 0.1)
    threshold = calibration.threshold(5000)
    assert calibration.fpir(threshold, 5000) == pytest.approx(0.01, rel=0.01)
    low, high = calibration.fpir_range(threshold, 5000)
    assert low < 0.01 < high


def test_counting_agrees_with_the_model(calibration: Calibration):
    assert calibration.counted == pytest.approx(calibration.threshold(1200), abs=0.03)
    assert (calibration.source, calibration.probes, calibration.people) == ("identities", 1200, 600)


def test_odds_rise_with_the_score_and_fall_with_the_size(calibration: Calibration):
    scores = np.linspace(-1, 1, 500)
    odds = calibration.odds(scores, 1200)
    assert (np.diff(odds) >= 0).all()
    assert odds[0] == 0
    assert calibration.odds(np.array([-np.inf]), 1200) == 0
    np.testing.assert_allclose(calibration.odds(scores, 120_000), odds / 100)
    np.testing.assert_allclose(calibration.odds(scores, 1200, prior=1.0), 2 * odds)


def test_mates_missed_below_a_threshold(calibration: Calibration):
    vectors, _ = crowd(2000, 2, seed=3)
    mates = (vectors[::2] * vectors[1::2]).sum(axis=1)
    for threshold in (0.7, 0.8, 0.85):
        assert calibration.missed(threshold) == pytest.approx((mates < threshold).mean(), abs=0.06)
    assert calibration.missed(-1.0) == 0
    assert calibration.missed(1.0) == pytest.approx(1, abs=0.01)


def test_without_names_pairs_of_one_person_are_told_apart():
    vectors, who = crowd(700, 2, seed=5)
    found = calibrate(comparisons(vectors, None), len(vectors))
    assert found.source == "mixture"
    assert found.checks == ()
    assert 0.003 < false_positives(vectors, who, found.threshold(len(vectors))) < 0.03
    named = calibrate(comparisons(vectors, who), len(vectors))
    for threshold in (0.75, 0.8, 0.85):
        assert found.missed(threshold) == pytest.approx(named.missed(threshold), abs=0.06)


def test_without_names_and_without_a_second_photo_of_anybody():
    vectors, who = crowd(1000, 1, seed=6)
    found = calibrate(comparisons(vectors, None), len(vectors))
    assert 0.004 < false_positives(vectors, who, found.threshold(len(vectors))) < 0.025
    assert np.isnan(found.odds(np.array([0.9]), 1000)).all()  # nothing is known of pairs of one person


def test_one_who_has_very_many_photos_does_not_hide_the_others():
    vectors, who = crowd(300, 2, seed=7)
    others, _ = crowd(1, 300, seed=8)
    everybody, people = np.concatenate([vectors, others]), np.concatenate([who, np.full(300, 999)])
    found = calibrate(comparisons(everybody, people, most=50), len(everybody))  # his candidates are all himself
    assert 0.002 < false_positives(vectors, who, found.threshold(600)) < 0.03


@pytest.mark.parametrize(("people", "photos"), [(20, 2), (1, 200)])
def test_too_little_to_go_by(people: int, photos: int):
    with pytest.raises(ValueError, match=r"too few|nobody else"):
        calibrate(comparisons(*crowd(people, photos)), people * photos)


def test_json_and_back(calibration: Calibration):
    text = json.dumps(calibration.to_json(), allow_nan=False)
    assert Calibration.from_json(json.loads(text)) == calibration
    assert len(text) < 20_000
    with pytest.raises(UserError, match="calibrate again"):
        Calibration.from_json({"threshold": 0.5})
