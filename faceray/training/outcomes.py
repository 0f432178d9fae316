"""How the answers of a trained network turned out, face by face."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from faceray.models.tasks import Task
from faceray.training.objectives.age import Age
from faceray.training.objectives.geometry import Keypoints
from faceray.training.objectives.objective import Objective

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """A task's answers to n faces.

    Attributes:
        answers: (n, k), see `faceray.models.tasks.answer`; of a yes or no (n, 2), the probabilities of both.
        truth: (n, m), NaN where there is no label. labels: of the k answers, where they are probabilities.
        figure: `accuracy`, `mae`, …: what the mean of `values` is; `unit`: `years` of ages, else nothing.
        values: (n,): 1 for right and 0 for wrong, or the error; NaN without a label or without an answer.
        badness: (n,): how sure a wrong answer is (a probability), or the error; 0 where nothing is wrong.
        words: what is true of a face and what was answered, by its number.
    """

    task: Task
    answers: Floats
    truth: Floats
    labels: tuple[str, ...]
    figure: str
    unit: str
    values: Floats
    badness: Floats
    words: Callable[[int], str]

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,): whether there are both a label and an answer."""
        return ~np.isnan(self.values)

    def worst(self, count: int) -> list[int]:
        """Numbers of the faces with the worst answers, the worst first."""
        order = np.argsort(-self.badness, kind="stable")[:count]
        return [i for i in order.tolist() if self.badness[i] > 0]


@dataclass(frozen=True)
class Share:
    """A figure of some faces: how many they are, the mean, and half the width of its 95 % confidence interval."""

    count: int
    mean: float
    margin: float


def share(outcome: Outcome, chosen: NDArray[np.bool_]) -> Share:
    """The figure of the faces that are chosen, (n,). The interval is the normal one of a mean, and that of Agresti and
    Coull ("Approximate is better than exact", 1998) for accuracies, which does not vanish where all are right."""
    values = outcome.values[chosen & outcome.known]
    count = len(values)
    if not count:
        return Share(0, math.nan, math.nan)
    if outcome.labels:
        middle = (values.sum() + 2) / (count + 4)
        return Share(count, float(values.mean()), 1.96 * math.sqrt(middle * (1 - middle) / (count + 4)))
    margin = 1.96 * float(values.std(ddof=1)) / math.sqrt(count) if count > 1 else math.nan
    return Share(count, float(values.mean()), margin)


def outcome(objective: Objective, task: Task, answers: Floats, truth: Floats) -> Outcome:
    """Compare answers (n, k) with what is true (n, m), both as in `predictions.parquet`."""
    known = np.isfinite(np.concatenate([answers, truth], 1)).all(1)
    if task.kind in ("softmax", "sigmoid"):
        return _choice(task, answers, truth, known)
    if isinstance(objective, Age):
        return _age(task, answers, truth, known)
    return _by_figure(objective, task, answers, truth, known)


def _choice(task: Task, answers: Floats, truth: Floats, known: NDArray[np.bool_]) -> Outcome:
    if task.kind == "sigmoid":
        answers = np.concatenate([1 - answers, answers], 1)
    labels = task.labels or ("no", "yes")
    true, called = np.where(known, truth[:, 0], 0).astype(int), np.where(known, answers.argmax(1), 0)
    right, sure = called == true, answers.max(1)

    def words(i: int) -> str:
        return f"is {labels[true[i]]}, said {labels[called[i]]} {100 * sure[i]:.0f} %"

    values, badness = np.where(known, right, np.nan), np.where(known & ~right, sure, 0)
    return Outcome(task, answers, truth, labels, "accuracy", "", values, badness, words)


def _age(task: Task, answers: Floats, truth: Floats, known: NDArray[np.bool_]) -> Outcome:
    error = np.where(known, np.abs(answers[:, 0] - truth[:, 0]), np.nan)

    def words(i: int) -> str:
        return f"is {truth[i, 0]:.3g}, said {answers[i, 0]:.3g}"

    return Outcome(task, answers, truth, (), "mae", "years", error, np.nan_to_num(error), words)


def _by_figure(objective: Objective, task: Task, answers: Floats, truth: Floats, known: NDArray[np.bool_]) -> Outcome:
    """Numbers of other kinds: the objective's own figure of each face. They are the outputs themselves."""
    outputs, true = torch.from_numpy(answers).float(), torch.from_numpy(truth).float()
    true = true.reshape(len(true), -1, 3) if isinstance(objective, Keypoints) else true
    values = np.full(len(answers), np.nan)
    for i in np.flatnonzero(known).tolist():
        values[i] = objective.figures(outputs[i : i + 1], true[i : i + 1])[objective.figure]

    def words(i: int) -> str:
        return f"{objective.figure} {values[i]:.3g}"

    badness = np.nan_to_num(1 - values if objective.higher else values)
    return Outcome(task, answers, truth, (), objective.figure, "", values, badness, words)
