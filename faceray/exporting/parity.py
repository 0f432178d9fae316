"""How near an exported file's answers are to those of the checkpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.models.tasks import Task

Precision = Literal["fp32", "fp16", "int8"]
Answers = Mapping[str, NDArray[np.floating]]  # task -> (n, k)

# Largest mean difference, of 1 for probabilities and of 100 years for ages, else of the largest answer.
LIMITS: dict[Precision, float] = {"fp32": 1e-3, "fp16": 1e-2, "int8": 5e-2}
LEAST_AGREEMENT = 0.9


@dataclass(frozen=True)
class Parity:
    """Of one task.

    Attributes:
        largest, mean: absolute difference of the answers.
        share: the mean as a share of the answers' range, see LIMITS.
        agreement: of how many faces the most probable label, or yes and no, is the same; None for numbers.
    """

    task: str
    largest: float
    mean: float
    share: float
    agreement: float | None


def compare(tasks: Sequence[Task], expected: Answers, found: Answers) -> tuple[Parity, ...]:
    """The checkpoint's answers against the file's, each (n, k) for every task."""
    return tuple(_compare(task, expected[task.name], found[task.name]) for task in tasks)


def check(parities: Sequence[Parity], precision: Precision) -> None:
    """Raises:
    UserError: some task is too far off; NaN is.
    """
    for parity in parities:
        agrees = precision != "int8" or parity.agreement is None or parity.agreement >= LEAST_AGREEMENT
        if not (agrees and parity.share <= LIMITS[precision]):
            words = "" if parity.agreement is None else f", the same label for {parity.agreement:.1%} of the faces"
            raise UserError(
                f"not written: in {precision} the answers for {parity.task} differ by {parity.mean:.3g} in the mean, "
                f"{parity.largest:.3g} at most{words}"
            )


def _compare(task: Task, expected: NDArray[np.floating], found: NDArray[np.floating]) -> Parity:
    if expected.shape != found.shape:
        raise UserError(f"not written: {task.name} has shape {found.shape} instead of {expected.shape}")
    difference = np.abs(expected.astype(np.float64) - found)
    largest, mean = float(difference.max()), float(difference.mean())
    return Parity(task.name, largest, mean, mean / _range(task, expected), _agreement(task, expected, found))


def _range(task: Task, expected: NDArray[np.floating]) -> float:
    if task.name == "age":
        return 100.0
    return max(float(np.abs(expected).max()), 1e-6) if task.kind in ("regression", "embedding") else 1.0


def _agreement(task: Task, expected: NDArray[np.floating], found: NDArray[np.floating]) -> float | None:
    if task.kind == "softmax":
        return float(np.mean(expected.argmax(1) == found.argmax(1)))
    return float(np.mean((expected > 0.5) == (found > 0.5))) if task.kind == "sigmoid" else None
