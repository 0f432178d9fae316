"""How good the network is on samples that it does not learn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from faceray.training.answers import Answers
from faceray.training.goals import Goals, taken
from faceray.training.losses import masked
from faceray.training.objectives.objective import Objective


@dataclass(frozen=True)
class Judged:
    """Rows (n, 2): number of the pack, row in it; what the network says and what is true of them; figures by name."""

    rows: NDArray[np.int64]
    answers: Answers
    truths: dict[str, Tensor]
    figures: dict[str, float]


def judge(
    rows: NDArray[np.int64], answers: Answers, goals: Sequence[Goals], objectives: Sequence[Objective]
) -> Judged:
    """Figures such as `val/age/mae` less the part's name, the losses, and `loss`: their weighted sum."""
    figures: dict[str, float] = {}
    truths = {}
    whole = 0.0
    for objective in objectives:
        name = objective.name
        outputs = answers.outputs[name]
        truths[name] = taken([pack.truths[name] for pack in goals], rows)
        if bool(truths[name].isfinite().any()):
            figures |= {f"{name}/{key}": value for key, value in objective.figures(outputs, truths[name]).items()}
        if objective.task.kind != "embedding":
            targets = taken([pack.targets[name] for pack in goals], rows)
            loss = float(masked(objective.loss, outputs, targets))
            figures[f"{name}/loss"] = loss
            whole += objective.weight * loss
    return Judged(rows, answers, truths, {**figures, "loss": whole})
