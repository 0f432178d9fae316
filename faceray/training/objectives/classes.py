"""One of several classes: gender, race, emotion, pose; and yes or no."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from faceray.models.tasks import Task
from faceray.results.schema import BINARY_ATTRIBUTES, EMOTIONS, GENDERS
from faceray.training import losses
from faceray.training.label_codecs import (
    MIRRORED_POSES,
    POSES,
    class_index,
    class_weights,
    one_hot,
    pose_class,
    smooth,
)
from faceray.training.metrics import accuracy, binary_scores, confusion_matrix, f1_scores, mean
from faceray.training.objectives.objective import Objective, numbers


@dataclass(frozen=True, kw_only=True)
class Classes(Objective):
    """A label of several.

    Figures: `accuracy`, and `f1`: the mean over the classes.

    Attributes:
        column: of the pack. classes: its values in the order of the outputs; others are not labelled.
            Where empty, all that the training samples have.
        smoothing: label smoothing. class_weights: of each class's samples; equal where empty.
        balanced: weights by inverse frequency among the training samples.
    """

    column: str = ""
    classes: tuple[str, ...] = ()
    smoothing: float = 0.0
    balanced: bool = False
    class_weights: tuple[float, ...] = ()
    figure: ClassVar[str] = "accuracy"

    @property
    def task(self) -> Task:
        """See Objective."""
        return Task(self.name, "softmax", self.classes)

    @property
    def columns(self) -> tuple[str, ...]:
        """See Objective."""
        return (self.column or self.name,)

    def fitted(self, labels: pa.Table) -> Self:
        """With classes and class weights from the training samples, where they are to come from there."""
        found = self
        if not found.classes:
            found = replace(found, classes=tuple(sorted(set(labels[self.columns[0]].to_pylist()) - {None})))
        if found.balanced:
            counts = one_hot(found.truth(labels), len(found.classes)).nansum(0)
            found = replace(found, class_weights=tuple(class_weights(counts).tolist()))
        return found

    def index(self, labels: pa.Table) -> Tensor:
        """Number of each sample's class: (n,) float32, NaN where not labelled."""
        column = self.column or self.name
        if column == "gender":
            known = numbers(labels, column)
            order = torch.tensor([float(self.classes.index(name)) for name in GENDERS])
            return torch.where(known.isnan(), torch.nan, order[torch.nan_to_num(known).long()])
        return class_index(labels[column].to_pylist(), self.classes)

    def encode(self, labels: pa.Table) -> Tensor:
        """(n, classes)."""
        return smooth(one_hot(self.index(labels), len(self.classes)), self.smoothing)

    def truth(self, labels: pa.Table) -> Tensor:
        """The class's number, (n,)."""
        return self.index(labels)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """See Objective."""
        loss = losses.cross_entropy(output, target)
        if not self.class_weights:
            return loss
        return loss * output.new_tensor(self.class_weights)[target.argmax(1)]

    def figures(self, outputs: Tensor, truth: Tensor) -> dict[str, float]:
        """See Objective."""
        called = outputs.argmax(1).float().numpy()
        matrix = confusion_matrix(called, truth.numpy(), len(self.task.labels))
        return {"accuracy": accuracy(called, truth.numpy()), "f1": mean(f1_scores(matrix))}


@dataclass(frozen=True, kw_only=True)
class Emotion(Classes):
    """Emotions, from labels or from FER+'s votes (Barsoum et al., ICMI 2016).

    Attributes:
        votes: `shares`: the loss is against the votes' distribution (the paper's cross-entropy scheme); `majority`:
            against their foremost emotion; `probability`: against one emotion, drawn anew in each step by the votes;
            `multi_target`: any emotion with `least` of the votes will do.
    """

    name: str = "emotion"
    classes: tuple[str, ...] = EMOTIONS
    votes: Literal["shares", "majority", "probability", "multi_target"] = "shares"
    least: float = 0.3

    @property
    def columns(self) -> tuple[str, ...]:
        """See Objective."""
        return ("emotion", "emotion_votes")

    def encode(self, labels: pa.Table) -> Tensor:
        """(n, classes)."""
        named = self.index(labels)
        foremost = torch.where(named.isnan(), self.truth(labels), named)
        target = smooth(one_hot(foremost, len(self.classes)), self.smoothing)
        votes = self._votes(labels)
        if self.votes in ("shares", "probability"):
            return torch.where(votes.isnan(), target, votes)
        if self.votes == "multi_target":
            allowed = (votes >= self.least).float()
            return torch.where(votes.isnan() | (allowed.sum(1, keepdim=True) == 0), target, allowed)
        return target

    def truth(self, labels: pa.Table) -> Tensor:
        """The foremost emotion's number, (n,)."""
        votes = self._votes(labels)
        return torch.where(votes.isnan().any(1), self.index(labels), votes.nan_to_num().argmax(1).float())

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """See Objective. Draws only while gradients are taken: a held-out loss is against the distribution."""
        if self.votes == "multi_target":
            return losses.best_of_set(output, target)
        if self.votes == "probability" and torch.is_grad_enabled():
            target = losses.drawn(target)
        return super().loss(output, target)

    def _votes(self, labels: pa.Table) -> Tensor:
        """(n, classes) shares, of the classes that the network has; rows of NaN where nobody voted for any."""
        rows = labels["emotion_votes"].to_pylist()
        nothing = [float("nan")] * len(EMOTIONS)
        votes = torch.from_numpy(np.array([row or nothing for row in rows], np.float32).reshape(-1, len(EMOTIONS)))
        votes = votes[:, [EMOTIONS.index(name) for name in self.classes]]
        return votes / votes.sum(1, keepdim=True)  # 0 / 0: only for classes that the network does not have


@dataclass(frozen=True, kw_only=True)
class PoseClasses(Classes):
    """Five classes of the head's yaw (original 1)."""

    name: str = "pose"
    column: str = "yaw"
    classes: tuple[str, ...] = POSES

    def index(self, labels: pa.Table) -> Tensor:
        """See Classes."""
        return pose_class(numbers(labels, "yaw"))

    def mirrored(self, target: Tensor) -> Tensor:
        """See Objective."""
        return target[:, list(MIRRORED_POSES)]


@dataclass(frozen=True, kw_only=True)
class YesNo(Objective):
    """A yes or no, as a probability.

    Figures: `accuracy`, `precision`, `recall`, `f1`, `auc`.

    Attributes:
        column: of the pack; else the key of its `attributes`, the set's own names.
    """

    column: str = ""
    figure: ClassVar[str] = "accuracy"

    @property
    def task(self) -> Task:
        """See Objective."""
        return Task(self.name, "sigmoid")

    @property
    def columns(self) -> tuple[str, ...]:
        """See Objective."""
        column = self.column or self.name
        return (column,) if column in (*BINARY_ATTRIBUTES, "is_face", "gender") else ("attributes",)

    def encode(self, labels: pa.Table) -> Tensor:
        """(n,): 0 or 1."""
        (column,) = self.columns
        if column != "attributes":
            return numbers(labels, column)
        key = self.column or self.name
        found = [dict(row or ()).get(key) for row in labels["attributes"].to_pylist()]
        return torch.tensor([float("nan") if yes is None else float(yes) for yes in found])

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """See Objective."""
        return losses.binary_cross_entropy(output[:, 0], target)

    def figures(self, outputs: Tensor, truth: Tensor) -> dict[str, float]:
        """See Objective."""
        return binary_scores(outputs[:, 0].sigmoid().numpy(), truth.numpy())
