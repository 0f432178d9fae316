"""Judging a network: figures of what is labelled, the weighted sum of the losses."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from faceray.results.schema import GENDERS
from faceray.training.answers import Answers
from faceray.training.goals import Goals
from faceray.training.held_out import Judged, judge
from faceray.training.objectives.age import AgeYears
from faceray.training.objectives.classes import Classes, YesNo
from faceray.training.objectives.identity import Identity
from faceray.training.objectives.objective import Objective
from faceray.training.pack_labels import PackLabels
from faceray.vision.align import Crop
from tests.training.objectives.labels import labels

AGE, GENDER = AgeYears(weight=0.5), Classes(name="gender", classes=GENDERS, weight=2.0)
ROWS = np.array([[0, 1], [1, 0], [0, 0]])


def judged(objectives: list[Objective], **outputs: Tensor) -> Judged:
    """On the faces 30 years; 50 years, female; and male of another pack, asked in the order of ROWS."""
    tables = [labels({"age": 30.0}, {"age": 50.0, "gender": 0}), labels({"gender": 1})]
    packs = [PackLabels("made", "memory://made", (("s", t.num_rows),), Crop("similarity", 8), t) for t in tables]
    goals = [Goals.of(pack, objectives) for pack in packs]
    return judge(ROWS, Answers(outputs, {}), goals, objectives)


def test_figures_and_losses_by_hand() -> None:
    age, gender = torch.tensor([[44.0], [99.0], [32.0]]), torch.tensor([[0.0, 0.0], [0.0, 0.0], [9.0, 0.0]])
    found = judged([AGE, GENDER], age=age, gender=gender)
    expected = {"age/mae": 4.0, "age/ca3": 0.5, "age/loss": 4.0, "gender/accuracy": 0.5, "gender/loss": math.log(2)}
    assert {name: found.figures[name] for name in expected} == pytest.approx(expected)
    assert found.figures["loss"] == pytest.approx(0.5 * 4 + 2 * math.log(2))
    torch.testing.assert_close(found.truths["age"], torch.tensor([50.0, math.nan, 30.0]), equal_nan=True)
    assert found.rows is ROWS


def test_tasks_that_nobody_labelled_have_a_loss_of_zero_and_no_figures() -> None:
    found = judged([AGE, YesNo(name="smile")], age=torch.full((3, 1), 40.0), smile=torch.ones(3, 1))
    assert [name for name in found.figures if name.startswith("smile")] == ["smile/loss"]
    assert found.figures["smile/loss"] == 0
    assert found.figures["loss"] == pytest.approx(5)


def test_identities_of_strangers_have_figures_and_no_loss() -> None:
    table = labels(*({"identity": name} for name in ("a", "a", "b", "b")))
    pack = PackLabels("made", "memory://made", (("s", 4),), Crop("similarity", 8), table)
    identity = Identity(dimension=2, people=("x", "y", "z"))
    goals = [Goals.of(pack, [identity])]
    rows = np.stack([np.zeros(4, np.int64), np.arange(4)], 1)
    outputs = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    found = judge(rows, Answers({"identity": outputs}, {}), goals, [identity])
    assert found.figures["identity/auc"] == 1
    assert "identity/loss" not in found.figures
