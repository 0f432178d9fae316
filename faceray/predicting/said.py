"""What answers are called: as numbers of the list format, as JSON, as columns, as a few words."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceray.models.tasks import Task
from faceray.results.schema import LABELS

Answer = NDArray[np.float64]  # (k,), see faceray.models.tasks.answer
FIRST = ("race", "gender", "age")  # of the list format; all other tasks come after these
UNKNOWN = "-1"
_CERTAIN = 0.5  # the probability from which a label is drawn
_PROBABILITIES = pa.list_(pa.field("element", pa.float32()))


def text_order(tasks: Sequence[Task]) -> list[int]:
    """Numbers of the tasks in the order of the list format."""
    places = {name: place for place, name in enumerate(FIRST)}
    return sorted(range(len(tasks)), key=lambda i: places.get(tasks[i].name, len(FIRST)))


def numbers(task: Task, answer: Answer | None) -> list[str]:
    """For the list format: the number of a label, an age with one decimal, other numbers with four; -1 is unknown.

    Races and genders have the numbers of face_analysis_pytorch: 0 White … 4 Other, 0 female, 1 male. Other labels
    have their place in the faces table's order, else in the task's.
    """
    if answer is None:
        return [UNKNOWN] * (task.outputs if task.kind in ("regression", "embedding") else 1)
    if task.kind == "softmax":
        return [str(_order(task).index(_label(task, answer)))]
    return [f"{value:.1f}" if task.name == "age" else f"{value:.4f}" for value in answer]


def value(task: Task, answer: Answer) -> Any:
    """For JSON: a probability, an age, a number; for classes the probability of each; else a list of numbers."""
    values = [round(v, 6) if math.isfinite(v) else None for v in answer.tolist()]
    if task.kind == "softmax":
        return dict(zip(task.labels, values, strict=True))
    return values[0] if _is_number(task) else values


def fields(task: Task) -> list[pa.Field]:
    """Columns for tables, called and ordered as in the faces table where that has them."""
    if task.kind == "softmax":
        doc = {"doc": "in the order " + ", ".join(_order(task))}
        return [pa.field(task.name, pa.string()), pa.field(f"{task.name}_probabilities", _PROBABILITIES, metadata=doc)]
    return [pa.field(task.name, pa.float32() if _is_number(task) else _PROBABILITIES)]


def cells(task: Task, answer: Answer) -> dict[str, Any]:
    """The values of `fields`."""
    if task.kind != "softmax":
        return {task.name: float(answer[0]) if _is_number(task) else answer.tolist()}
    found = dict(zip(task.labels, answer.tolist(), strict=True))
    probabilities = [found.get(label, 0.0) for label in _order(task)]
    return {task.name: _label(task, answer), f"{task.name}_probabilities": probabilities}


def headline(tasks: Sequence[Task], answers: Sequence[Answer]) -> list[str]:
    """For a drawing: what is more likely than not, and the age."""
    words = []
    for task, answer in zip(tasks, answers, strict=True):
        if task.name == "age":
            words.append(f"{answer[0]:.0f}")
        elif task.kind == "softmax" and answer.max() > _CERTAIN:
            words.append(_label(task, answer))
        elif task.kind == "sigmoid" and answer[0] > _CERTAIN:
            words.append(task.name)
    return words


def _order(task: Task) -> tuple[str, ...]:
    return LABELS.get(task.name, task.labels)


def _label(task: Task, answer: Answer) -> str:
    return task.labels[int(answer.argmax())]


def _is_number(task: Task) -> bool:
    return task.kind in ("expectation", "ordinal", "sigmoid") or (task.kind == "regression" and task.outputs == 1)
