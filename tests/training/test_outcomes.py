"""How answers turned out: right, wrong, how sure, how far off; unlabelled faces never count."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.models.tasks import Task
from faceray.training.objectives.age import AgeYears
from faceray.training.objectives.classes import Classes, YesNo
from faceray.training.objectives.geometry import Landmarks, PoseAngles
from faceray.training.outcomes import Outcome, outcome, share

nan = float("nan")
GENDER = Classes(name="gender", classes=("female", "male"))


def genders(answers: list[list[float]], truth: list[float]) -> Outcome:
    return outcome(GENDER, GENDER.task, np.array(answers), np.array(truth)[:, None])


def ages(answers: list[float], truth: list[float]) -> Outcome:
    objective = AgeYears()
    return outcome(objective, objective.task, np.array(answers)[:, None], np.array(truth)[:, None])


def test_classes() -> None:
    found = genders([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5]], [0, 1, 0, nan])
    assert found.values.tolist()[:3] == [1, 0, 0]
    assert found.known.tolist() == [True, True, True, False]
    assert found.worst(5) == [2, 1]  # the surest wrong answer first, right and unlabelled ones never
    assert found.words(2) == "is female, said male 80 %"


def test_yes_or_no() -> None:
    objective = YesNo(name="smile")
    found = outcome(objective, objective.task, np.array([[0.9], [0.3], [0.02]]), np.array([[0.0], [0.0], [1.0]]))
    assert found.values.tolist() == [0, 1, 0]
    assert found.worst(5) == [2, 0]
    assert found.words(2) == "is yes, said no 98 %"


def test_ages() -> None:
    found = ages([30, 61.25, 5, nan], [34, 34, nan, 20])
    assert found.values.tolist()[:2] == [4, 27.25]
    assert found.known.tolist() == [True, True, False, False]
    assert found.worst(1) == [1]
    assert found.words(1) == "is 34, said 61.2"


def test_other_numbers_are_judged_by_their_own_figure() -> None:
    pose = PoseAngles()  # outputs are degrees / 45
    turned = outcome(pose, pose.task, np.array([[0.0, 0, 2], [0, 0, 0]]), np.array([[0.0, 0, 1], [nan, 0, 0]]))
    assert turned.values[0] == pytest.approx(15)  # one of three angles is 45 degrees off
    assert turned.worst(2) == [0]
    landmarks = Landmarks()
    truth = np.zeros((1, 63))
    truth[0, 2] = 1  # the first of 21 is visible, in the middle
    said = np.full((1, 42), 0.4)
    said[0, :2] = [0.03, 0.04]
    assert outcome(landmarks, landmarks.task, said, truth).values[0] == pytest.approx(0.05)


def test_shares_have_intervals() -> None:
    found = share(ages([30, 32, 20], [31, 30, nan]), np.ones(3, bool))
    assert (found.count, found.mean) == (2, 1.5)
    assert found.margin == pytest.approx(1.96 * math.sqrt(0.5) / math.sqrt(2))
    alone = share(ages([30], [31]), np.ones(1, bool))
    assert (alone.count, alone.mean) == (1, 1)
    assert math.isnan(alone.margin)
    nobody = share(ages([30], [31]), np.zeros(1, bool))
    assert nobody.count == 0
    assert math.isnan(nobody.mean)


@given(st.integers(1, 300), st.integers(0, 300))
def test_the_interval_of_an_accuracy_never_vanishes_and_shrinks_with_the_faces(right: int, wrong: int) -> None:
    answers, truth = [[1.0, 0.0]] * (right + wrong), [0.0] * right + [1.0] * wrong
    few = share(genders(answers, truth), np.ones(right + wrong, bool))
    many = share(genders(answers * 2, truth * 2), np.ones(2 * (right + wrong), bool))
    assert few.mean == pytest.approx(right / (right + wrong)) == many.mean
    assert 0 < many.margin < few.margin < 1


def test_labels_are_those_of_the_task_not_of_the_schema() -> None:
    objective = Classes(name="hand", classes=("left", "right", "both"))
    task = Task("hand", "softmax", ("left", "right", "both"))
    found = outcome(objective, task, np.array([[0.1, 0.2, 0.7]]), np.array([[1.0]]))
    assert found.words(0) == "is right, said both 70 %"
