"""What each sample of the packs is to teach: targets and weights of every task, those that are missing filled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from faceray.training.answers import Answers
from faceray.training.losses import labelled
from faceray.training.objectives.objective import Objective
from faceray.training.pack_labels import PackLabels
from faceray.training.recipe import Strategy
from faceray.training.selection import sample_weights
from faceray.training.targets import fill, two_classes

FILLED = ("softmax", "expectation", "sigmoid")  # kinds of tasks whose answer can be a target


@dataclass(frozen=True)
class Goals:
    """Of one pack, a row for each of its own: task -> targets (n, …), their weights (n,), and what figures are counted
    against, (n,) or (n, …)."""

    targets: dict[str, Tensor]
    weights: dict[str, Tensor]
    truths: dict[str, Tensor]

    @staticmethod
    def of(pack: PackLabels, objectives: Sequence[Objective]) -> "Goals":
        """From the labels."""
        targets = {objective.name: objective.encode(pack.labels) for objective in objectives}
        weights = {name: labelled(target).float() for name, target in targets.items()}
        return Goals(targets, weights, {objective.name: objective.truth(pack.labels) for objective in objectives})

    @property
    def known(self) -> tuple[str, ...]:
        """Tasks that at least one sample has a label for."""
        return tuple(name for name, weight in self.weights.items() if bool((weight > 0).any()))

    def filled(
        self,
        rows: NDArray[np.int64],
        objective: Objective,
        answers: Answers,
        strategy: Strategy,
        labelled_features: Tensor | None = None,
    ) -> "Goals":
        """With what the network says where a task's labels are missing.

        Args:
            rows: of the pack, that `answers` are about.
            labelled_features: (m, d) of samples of any pack that have the task's label, for the selectors.
        """
        name, index = objective.name, torch.from_numpy(rows)
        logits, target = answers.outputs[name], self.targets[name][index]
        if objective.task.kind == "sigmoid":
            logits, target = two_classes(logits), torch.stack([1 - target, target], 1)
        missing = ~labelled(target)
        features = answers.features[name][missing] if name in answers.features else None
        found = sample_weights(strategy.selection, logits[missing], features, labelled_features)
        weight = None if found is None else torch.zeros(len(rows)).masked_scatter(missing, found)
        made = fill(strategy.filling, target, logits, weight)
        targets, weights = self.targets[name].clone(), self.weights[name].clone()
        targets[index] = made.values[:, 1] if objective.task.kind == "sigmoid" else made.values
        weights[index] = made.weight
        return replace(self, targets={**self.targets, name: targets}, weights={**self.weights, name: weights})


def batch_goals(
    goals: Sequence[Goals], objectives: Sequence[Objective], rows: NDArray[np.int64], mirrored: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Targets and weights of a batch.

    Args:
        rows: (n, 2): number of the pack, row in it. mirrored: (n,) whether a sample's picture is.
    """
    targets, weights = {}, {}
    for objective in objectives:
        name = objective.name
        found = taken([pack.targets[name] for pack in goals], rows)
        sides = mirrored.reshape(-1, *[1] * (found.ndim - 1))
        targets[name] = torch.where(sides, objective.mirrored(found), found)
        weights[name] = taken([pack.weights[name] for pack in goals], rows)
    return targets, weights


def taken(tables: Sequence[Tensor], rows: NDArray[np.int64]) -> Tensor:
    """Row `rows[i, 1]` of table `rows[i, 0]`, for each i: (n, …)."""
    found = torch.empty((len(rows), *tables[0].shape[1:]), dtype=tables[0].dtype)
    for number, table in enumerate(tables):
        here = rows[:, 0] == number
        found[torch.from_numpy(here)] = table[torch.from_numpy(rows[here, 1])]
    return found


def counts(goals: Sequence[Goals], tasks: Sequence[str], rows: NDArray[np.int64], workers: int) -> Mapping[str, float]:
    """What each task's sum of losses is divided by: labelled samples of the whole batch for each worker.

    Args:
        rows: (n, 2), of all workers.
    """
    return {
        name: max(1.0, float((taken([pack.weights[name] for pack in goals], rows) > 0).sum())) / workers
        for name in tasks
    }
