"""What all objectives have in common: missing labels never matter, figures exist, cards can be written."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
import torch
from torch import nan

from faceray.datasets.landmarks import AFLW_21
from faceray.results.schema import GENDERS, RACES
from faceray.training.codecs import TWO_POINT
from faceray.training.losses import masked
from faceray.training.objectives.age import AgeDistribution, AgeGroups, AgeOrdinal, AgeYears
from faceray.training.objectives.classes import Classes, Emotion, PoseClasses, YesNo
from faceray.training.objectives.geometry import Landmarks, PoseAngles, Visibility
from faceray.training.objectives.identity import Identity
from faceray.training.objectives.objective import Objective, numbers
from tests.training.objectives.labels import labels

FACE: dict[str, Any] = {
    "age": 33.0,
    "gender": 1,
    "race": "Asian",
    "emotion": "anger",
    "emotion_votes": [0.0, 0.0, 0.25, 0.0, 0.75, 0.0, 0.0, 0.0],
    "smile": True,
    "attributes": [("Wavy_Hair", False)],
    "yaw": 20.0,
    "pitch": -5.0,
    "roll": 10.0,
    "keypoints": [-0.1, 0.2, 1.0] * len(AFLW_21),
    "identity": "a",
}
OBJECTIVES: list[Objective] = [
    AgeDistribution(),
    AgeDistribution(name="age_bins", bins=TWO_POINT, criterion="kl", mean_error=0.5),
    AgeDistribution(name="age_bins", bins=TWO_POINT, criterion="focal"),
    AgeOrdinal(),
    AgeGroups(),
    *(AgeYears(criterion=c) for c in ("absolute", "squared", "gaussian", "dead_zone", "relative")),  # type: ignore[arg-type]
    Classes(name="gender", classes=GENDERS, balanced=True),
    Classes(name="race", classes=RACES, smoothing=0.1),
    *(Emotion(votes=votes) for votes in ("shares", "majority", "probability", "multi_target")),  # type: ignore[arg-type]
    PoseClasses(),
    YesNo(name="smile"),
    YesNo(name="Wavy_Hair"),
    PoseAngles(),
    Landmarks(),
    Visibility(),
]


def named(objective: Objective) -> str:
    return f"{type(objective).__name__} {objective.name} {getattr(objective, 'criterion', '')}"


def outputs_for(objective: Objective, n: int) -> torch.Tensor:
    return torch.randn(n, objective.task.outputs, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("objective", OBJECTIVES, ids=named)
def test_samples_without_a_label_add_nothing_to_loss_and_gradient(objective: Objective) -> None:
    fitted = objective.fitted(labels(FACE, FACE))
    unanimous = {**FACE, "emotion_votes": [1.0 if i == 4 else 0.0 for i in range(8)]}  # some draw one of the votes
    target = fitted.encode(labels({}, unanimous, {}))
    assert target.dtype == torch.float32
    assert target[[0, 2]].isnan().flatten(1).any(1).all() if target.ndim > 1 else target[[0, 2]].isnan().all()
    assert target[1].isfinite().all()
    outputs = outputs_for(fitted, 3).requires_grad_()
    loss = masked(fitted.loss, outputs, target)
    loss.backward()
    alone = masked(fitted.loss, outputs.detach()[1:2], target[1:2])
    torch.testing.assert_close(loss.detach(), alone)
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()
    assert not outputs.grad[[0, 2]].any()
    assert outputs.grad[1].any()


@pytest.mark.parametrize("objective", OBJECTIVES, ids=named)
def test_a_batch_that_nobody_labelled_gives_zero(objective: Objective) -> None:
    outputs = outputs_for(objective, 2).requires_grad_()
    loss = masked(objective.loss, outputs, objective.encode(labels({}, {})))
    loss.backward()
    assert loss.item() == 0
    assert outputs.grad is not None
    assert not outputs.grad.any()


@pytest.mark.parametrize("objective", OBJECTIVES, ids=named)
def test_its_figure_is_among_its_figures_and_ignores_missing_labels(objective: Objective) -> None:
    truth = objective.truth(labels({}, FACE, {}))
    outputs = outputs_for(objective, 3)
    some, alone = objective.figures(outputs, truth), objective.figures(outputs[1:2], truth[1:2])
    assert objective.figure in some
    assert some == pytest.approx(alone, nan_ok=True)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=named)
def test_mirroring_twice_changes_nothing(objective: Objective) -> None:
    target = objective.encode(labels({}, FACE))
    twice = objective.mirrored(objective.mirrored(target))
    torch.testing.assert_close(twice, target, equal_nan=True)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=named)
def test_its_columns_are_all_that_it_reads(objective: Objective) -> None:
    few = labels(FACE, FACE, {}).select(list(objective.columns))
    fitted = objective.fitted(few)
    torch.testing.assert_close(fitted.encode(few), fitted.encode(labels(FACE, FACE, {})), equal_nan=True)
    torch.testing.assert_close(fitted.truth(few), fitted.truth(labels(FACE, FACE, {})), equal_nan=True)


def test_objectives_have_no_state_of_their_own() -> None:
    for objective in OBJECTIVES:
        assert replace(objective) == objective
        assert objective.at(1000).name == objective.name
        assert objective.module() is None
    assert Identity(people=("a", "b", "c")).module() is not None


def test_numbers_are_floats_and_null_is_nan() -> None:
    table = pa.table({"a": pa.array([1, None, 0], pa.int8()), "b": pa.array([True, False, None])})
    torch.testing.assert_close(numbers(table, "a"), torch.tensor([1.0, nan, 0.0]), equal_nan=True)
    torch.testing.assert_close(numbers(table, "b"), torch.tensor([1.0, 0.0, nan]), equal_nan=True)
    nobody = pa.table({"a": pa.chunked_array([], pa.float32())})
    assert numbers(nobody, "a").shape == (0,)
