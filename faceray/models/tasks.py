"""Tasks: what the heads of a network mean, from outputs to answers and to columns of the faces table."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.results.schema import BINARY_ATTRIBUTES, LABELS

Kind = Literal["expectation", "ordinal", "softmax", "sigmoid", "regression", "embedding"]
YEARS = tuple(str(year) for year in range(101))
LEVELS = 100  # of an ordinal age: older than 0, 1, … 99 years?
COLUMNS: dict[str, tuple[Kind, ...]] = {
    "age": ("expectation", "ordinal", "regression"),
    **dict.fromkeys(LABELS, ("softmax",)),
    **dict.fromkeys(BINARY_ATTRIBUTES, ("sigmoid",)),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True)
class Task:
    """One head of a network. Tasks named like an attribute of the faces table fill its columns; others do not.

    `expectation`: a softmax over ages; the mean age is the answer (Rothe et al., "DEX", ICCVW 2015).
    `ordinal`: a yes or no for each year, "older than k?"; their number is the age (Niu et al., CVPR 2016).
    `regression`: the outputs are the answers. An age below 0 counts as 0.
    `softmax`: one output for each label, the probabilities sum to 1.
    `sigmoid`: one output, the logit of a probability.
    `embedding`: a vector that says whose face it is.

    Args:
        name: of the head.
        labels: what the outputs stand for, in their order. `expectation`: ages in years, 0 to 100 where empty.
            `softmax`: the classes; for a column of the table labels of the schema, in any order, some may be absent.
            `regression`: names of the numbers, one number where empty. `embedding`: its dimension, 512 where empty.
            `ordinal`, `sigmoid`: empty.

    Raises:
        UserError: the table's attribute has no such kind of answer, or the labels do not fit.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UserError(f"task {self.name!r} must have a name of letters, digits and underscores")
        if self.fills_column and self.kind not in COLUMNS[self.name]:
            raise UserError(f"task {self.name!r} is of kind {' or '.join(COLUMNS[self.name])}, not {self.kind!r}")
        if self.kind == "softmax":
            self._check_classes()
        elif self.kind == "expectation":
            self._check_ages()
        elif self.kind == "embedding":
            self._check_dimension()
        elif self.labels and (self.kind != "regression" or self.fills_column):
            raise UserError(f"task {self.name!r} of kind {self.kind!r} takes no labels")

    def _check_classes(self) -> None:
        known = LABELS.get(self.name, self.labels)
        unknown = [label for label in self.labels if label not in known]
        if unknown or len(self.labels) < 2 or len(set(self.labels)) < len(self.labels):
            allowed = f" of {', '.join(known)}" if self.fills_column else ""
            raise UserError(
                f"labels of task {self.name!r} must be two or more different ones{allowed}, "
                f"not {', '.join(self.labels) or 'none'}"
            )

    def _check_ages(self) -> None:
        try:
            ages = [float(age) for age in self.labels]
        except ValueError:
            raise UserError(f"labels of task {self.name!r} must be ages, not {', '.join(self.labels)}") from None
        if len(ages) == 1 or not all(0 <= age <= 200 for age in ages):
            raise UserError(f"labels of task {self.name!r} must be two or more ages from 0 to 200")

    def _check_dimension(self) -> None:
        if len(self.labels) > 1 or not all(text.isdecimal() and 0 < int(text) <= 1 << 16 for text in self.labels):
            raise UserError(f"labels of task {self.name!r} must be one whole number, the embedding's dimension")

    @property
    def fills_column(self) -> bool:
        """Whether the faces table has a column for it."""
        return self.name in COLUMNS

    @property
    def outputs(self) -> int:
        """The number of outputs."""
        if self.kind == "expectation":
            return len(self.labels or YEARS)
        if self.kind == "embedding":
            return int(self.labels[0]) if self.labels else 512
        return LEVELS if self.kind == "ordinal" else len(self.labels) or 1


def answer(task: Task, outputs: NDArray[np.floating]) -> NDArray[np.float64]:
    """From outputs to answers: probabilities, years, numbers.

    Args:
        outputs: (n, task.outputs).

    Returns:
        (n, classes) probabilities for `softmax`, (n, outputs) for `regression` and `embedding`, else (n, 1).

    Raises:
        ValueError: the outputs' shape does not fit the task.
    """
    x: NDArray[np.float64] = np.asarray(outputs, np.float64)
    if x.ndim != 2 or x.shape[1] != task.outputs:
        raise ValueError(f"task {task.name!r} has {task.outputs} outputs a face, got an array of shape {x.shape}")
    if task.kind == "softmax":
        x = _softmax(x)
    elif task.kind == "expectation":
        x = np.sum(_softmax(x) * np.array(task.labels or YEARS, dtype=np.float64), axis=1, keepdims=True)
    elif task.kind == "ordinal":
        x = np.sum(x > 0, axis=1, keepdims=True, dtype=np.float64)
    elif task.kind == "sigmoid":
        x = np.tanh(x / 2) / 2 + 0.5  # the logistic function, without overflow
    return np.maximum(x, 0) if task.name == "age" else x


def decode(task: Task, outputs: NDArray[np.floating]) -> dict[str, Any]:
    """From outputs to columns of the faces table, labels matched by name.

    Args:
        outputs: (n, task.outputs), floating point.

    Returns:
        Name of a column -> its n values; empty where the table has none. Numbers as float32 (n,): years, or
        probabilities from 0 to 1. Labels as a list of strings, and their probabilities as a list of lists in the
        schema's order; a label that the network does not know has probability 0.

    Raises:
        ValueError: the outputs' shape does not fit the task.
    """
    answers = answer(task, outputs)
    if not task.fills_column:
        return {}
    if task.kind != "softmax":
        return {task.name: answers[:, 0].astype(np.float32)}
    order = LABELS[task.name]
    probabilities = np.zeros((len(answers), len(order)), np.float32)
    probabilities[:, [order.index(label) for label in task.labels]] = answers
    names = [order[i] for i in probabilities.argmax(axis=1)]
    return {task.name: names, f"{task.name}_probabilities": probabilities.tolist()}


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities
