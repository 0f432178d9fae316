"""What one head of a network learns: from the labels of a pack to targets, a loss and figures."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import pyarrow as pa
import torch
from torch import Tensor, nn

from faceray.models.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Objective(ABC):
    """One head's task while training.

    Attributes:
        name: of the head; an attribute of the faces table fills its columns.
        weight: of its loss in the sum.
        figure: the name of the figure that says how good it is; higher: whether more of it is better.
    """

    name: str
    weight: float = 1.0
    figure: ClassVar[str]
    higher: ClassVar[bool] = True

    @property
    @abstractmethod
    def task(self) -> Task:
        """What the head's outputs mean."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Of faceray.datasets.pack.LABELS that say what is true."""

    @abstractmethod
    def encode(self, labels: pa.Table) -> Tensor:
        """Targets (n, …) float32, rows of NaN where a label is missing."""

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Of each sample: (n, outputs), (n, …) -> (n,)."""

    def truth(self, labels: pa.Table) -> Tensor:
        """What figures are counted against, (n,) or (n, …) float32, NaN where missing: the targets themselves, unless
        those are a code of it."""
        return self.encode(labels)

    @abstractmethod
    def figures(self, outputs: Tensor, truth: Tensor) -> dict[str, float]:
        """Of the network on held-out samples: (n, outputs), (n, …) -> name -> value; `figure` is one of them."""

    def fitted(self, labels: pa.Table) -> Self:
        """With what must be counted over the training samples: classes, class weights."""
        return self

    def at(self, step: int) -> Self:
        """As it is after so many steps, where it changes while training."""
        return self

    def mirrored(self, target: Tensor) -> Tensor:
        """The targets of mirrored pictures."""
        return target

    def module(self) -> nn.Module | None:
        """What stands between the outputs and the loss and learns as well, if anything: (outputs, targets) -> what
        `loss` takes."""
        return None


def numbers(labels: pa.Table, column: str) -> Tensor:
    """A column of numbers, yes and no as 1 and 0: (n,) float32, NaN where null."""
    values = labels[column].combine_chunks()
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    return torch.from_numpy(values.cast(pa.float32()).to_numpy(zero_copy_only=False).copy())
