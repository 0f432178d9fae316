"""Attribute tasks: what the heads of a network mean, from logits to columns of the faces table."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.results.schema import BINARY_ATTRIBUTES, LABELS

Kind = Literal["expectation", "softmax", "sigmoid", "regression"]
YEARS = tuple(str(year) for year in range(101))
KINDS: dict[str, tuple[Kind, ...]] = {
    "age": ("expectation", "regression"),
    **dict.fromkeys(LABELS, ("softmax",)),
    **dict.fromkeys(BINARY_ATTRIBUTES, ("sigmoid",)),
}


@dataclass(frozen=True)
class Task:
    """One head of a network.

    `expectation`: a softmax over ages; the mean age is the answer (Rothe et al., "DEX", ICCVW 2015).
    `regression`: one output, the age in years; below 0 counts as 0.
    `softmax`: one output for each label, the probabilities sum to 1.
    `sigmoid`: one output, the logit of a probability.

    Args:
        name: an attribute of the faces table.
        labels: what the outputs stand for, in their order. `expectation`: ages in years, 0 to 100 where empty.
            `softmax`: labels of the schema, in any order, some may be absent. Else empty.

    Raises:
        UserError: the table has no such attribute, or not with such an answer.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS.get(self.name, ()):
            known = "; ".join(f"{name}: {' or '.join(kinds)}" for name, kinds in KINDS.items())
            raise UserError(f"no task {self.name!r} of kind {self.kind!r}, only {known}")
        if self.kind == "softmax":
            self._check_labels()
        elif self.kind == "expectation":
            self._check_ages()
        elif self.labels:
            raise UserError(f"task {self.name!r} has one output and takes no labels")

    def _check_labels(self) -> None:
        unknown = [label for label in self.labels if label not in LABELS[self.name]]
        if unknown or len(self.labels) < 2 or len(set(self.labels)) < len(self.labels):
            raise UserError(
                f"labels of task {self.name!r} must be two or more different ones of "
                f"{', '.join(LABELS[self.name])}, not {', '.join(self.labels) or 'none'}"
            )

    def _check_ages(self) -> None:
        try:
            ages = [float(age) for age in self.labels]
        except ValueError:
            raise UserError(f"labels of task {self.name!r} must be ages, not {', '.join(self.labels)}") from None
        if len(ages) == 1 or not all(0 <= age <= 200 for age in ages):
            raise UserError(f"labels of task {self.name!r} must be two or more ages from 0 to 200")

    @property
    def outputs(self) -> int:
        """The number of logits."""
        if self.kind == "expectation":
            return len(self.labels or YEARS)
        return len(self.labels) or 1


def decode(task: Task, logits: NDArray[np.floating]) -> dict[str, Any]:
    """From logits to columns of the faces table, labels matched by name.

    Args:
        logits: (n, task.outputs), floating point.

    Returns:
        Name of a column -> its n values. Numbers as float32 (n,): years, or probabilities from 0 to 1. Labels as a
        list of strings, and their probabilities as a list of lists in the schema's order; a label that the network
        does not know has probability 0.

    Raises:
        ValueError: the logits' shape does not fit the task.
    """
    x = np.asarray(logits, np.float64)
    if x.ndim != 2 or x.shape[1] != task.outputs:
        raise ValueError(f"task {task.name!r} has {task.outputs} logits a face, got an array of shape {x.shape}")
    if task.kind == "softmax":
        order = LABELS[task.name]
        probabilities = np.zeros((len(x), len(order)), np.float32)
        probabilities[:, [order.index(label) for label in task.labels]] = _softmax(x)
        names = [order[i] for i in probabilities.argmax(axis=1)]
        return {task.name: names, f"{task.name}_probabilities": probabilities.tolist()}
    if task.kind == "expectation":
        values = _softmax(x) @ np.array(task.labels or YEARS, dtype=np.float64)
    elif task.kind == "regression":
        values = np.maximum(x[:, 0], 0)
    else:
        values = 0.5 * (1 + np.tanh(x[:, 0] / 2))  # the logistic function, without overflow
    return {task.name: values.astype(np.float32)}


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities
