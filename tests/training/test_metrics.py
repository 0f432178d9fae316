"""Metrics by hand, and NaN rather than a crash where nothing is labelled."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.training import metrics

nan = float("nan")
AGE, TRUTH = np.array([30.0, 41, 20, 99]), np.array([33.0, 40, 20, nan])


def test_ages():
    assert metrics.mean_absolute_error(AGE, TRUTH) == pytest.approx(4 / 3)
    assert metrics.cumulative_score(AGE, TRUTH, 1) == pytest.approx(2 / 3)
    assert metrics.epsilon_error(AGE[:1], TRUTH[:1], np.array([3.0])) == pytest.approx(1 - math.exp(-0.5))


def test_classes_and_their_neighbours():
    predicted, truth = np.array([0, 2, 3, 7, 1]), np.array([0, 3, 3, 5, nan])
    assert metrics.accuracy(predicted, truth) == 0.5
    assert metrics.accuracy(predicted, truth, off_by=1) == 0.75


def test_confusion_and_f1():
    confusion = metrics.confusion_matrix(np.array([0, 1, 1, 1, 0]), np.array([0, 0, 1, 1, nan]), 3)
    assert confusion.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    scores = metrics.f1_scores(confusion)
    assert scores[:2].tolist() == pytest.approx([2 / 3, 4 / 5])
    assert math.isnan(scores[2])
    assert metrics.mean(scores) == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_yes_or_no():
    found = metrics.binary_scores(np.array([0.9, 0.8, 0.4, 0.3, 0.6]), np.array([1, 0, 1, 0, nan]))
    assert found == pytest.approx({"accuracy": 0.5, "precision": 0.5, "recall": 0.5, "f1": 0.5, "auc": 0.75})


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.7]), st.booleans()), min_size=2, max_size=30))
def test_the_area_is_the_chance_that_a_yes_scores_above_a_no(answers: list[tuple[float, bool]]):
    yes = [p for p, t in answers if t]
    no = [p for p, t in answers if not t]
    p, t = np.array(answers, float).T
    found = metrics.binary_scores(p, t)["auc"]
    if yes and no:
        assert found == pytest.approx(np.mean([(a > b) + 0.5 * (a == b) for a in yes for b in no]))
    else:
        assert math.isnan(found)


def test_landmarks_that_are_seen_count():
    truth = np.array([[[0, 0], [10, 0], [nan, nan]], [[nan, nan]] * 3])
    predicted = np.array([[[3, 4], [10, 1], [50, 50]], [[0, 0]] * 3])
    found = metrics.normalised_mean_error(predicted, truth, np.array([30.0, 30]))
    assert found[0] == pytest.approx(0.1)
    assert math.isnan(found[1])
    assert metrics.mean(found) == pytest.approx(0.1)


def test_angles_go_the_short_way_round():
    found = metrics.pose_error(np.array([[179.0, 5, 0], [0, 0, 8]]), np.array([[-179.0, 0, nan], [0, nan, 0]]))
    assert found.tolist() == [1, 5, 8]


def test_means_by_group():
    found = metrics.mean_by_group(np.array([1.0, 3, 5, nan]), np.array([0, 0, 2, 1]), 3)
    assert found[[0, 2]].tolist() == [2, 5]
    assert math.isnan(found[1])


@pytest.mark.filterwarnings("error")
def test_nothing_labelled_is_nan_without_a_warning():
    empty, unknown = np.zeros(0), np.array([nan, nan])
    figures = [
        metrics.mean_absolute_error(empty, empty),
        metrics.mean_absolute_error(np.zeros(2), unknown),
        metrics.accuracy(np.zeros(2), unknown),
        *metrics.binary_scores(np.zeros(2), unknown).values(),
        *metrics.f1_scores(metrics.confusion_matrix(np.zeros(2), unknown, 2)),
        *metrics.normalised_mean_error(np.zeros((1, 5, 2)), np.full((1, 5, 2), nan), np.ones(1)),
        *metrics.pose_error(np.zeros((0, 3)), np.zeros((0, 3))),
        *metrics.mean_by_group(empty, empty, 2),
    ]
    assert all(math.isnan(x) for x in figures)
