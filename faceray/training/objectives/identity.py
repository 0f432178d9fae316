"""Identity: embeddings of one person that lie together, by margin heads."""

import zlib
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from faceray.errors import UserError
from faceray.evaluation.verification import roc
from faceray.models.margins import make_margin
from faceray.models.tasks import Task
from faceray.training.label_codecs import class_index
from faceray.training.objectives.objective import Objective

_MOST = 4096  # faces whose pairs are compared


@dataclass(frozen=True, kw_only=True)
class Identity(Objective):
    """Classification of the training people by a margin head, which is thrown away after training.

    Figures over all pairs of held-out faces (4,096 faces at most): `auc`, `eer`, `tar_at_far_1e-3`. Nobody of these
    was trained on.

    Attributes:
        head: the margin. scale, margin: of it; the paper's where None.
        dimension: of the embedding. people: names of the training people, from the packs.
    """

    name: str = "identity"
    head: Literal["arcface", "cosface", "sphereface", "adacos"] = "arcface"
    scale: float | None = None
    margin: float | None = None
    dimension: int = 512
    people: tuple[str, ...] = ()
    figure: ClassVar[str] = "auc"

    @property
    def task(self) -> Task:
        """See Objective."""
        return Task(self.name, "embedding", (str(self.dimension),))

    @property
    def columns(self) -> tuple[str, ...]:
        """See Objective."""
        return ("identity",)

    def fitted(self, labels: pa.Table) -> Self:
        """With the people of the training samples.

        Raises:
            UserError: fewer than three: there is nobody to tell apart.
        """
        people = tuple(sorted(set(labels["identity"].to_pylist()) - {None}))
        if len(people) < 3:
            raise UserError(f"identities of {len(people)} people in the training samples, three or more are needed")
        return replace(self, people=people)

    def encode(self, labels: pa.Table) -> Tensor:
        """Number of the person, (n,); NaN for people who are not trained on."""
        return class_index(labels["identity"].to_pylist(), self.people)

    def truth(self, labels: pa.Table) -> Tensor:
        """A number for each person, whoever it is, (n,)."""
        names = labels["identity"].to_pylist()
        hashes = [float("nan") if name is None else float(zlib.crc32(name.encode()) % (1 << 24)) for name in names]
        return torch.tensor(hashes)  # below 2^24, so that float32 holds it

    def module(self) -> nn.Module:
        """See Objective."""
        given = {"scale": self.scale, "margin": self.margin}
        arguments = {name: value for name, value in given.items() if value is not None}
        return make_margin(self.head, self.dimension, len(self.people), **arguments)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Of the margin head's logits: (n, people), (n,) -> (n,)."""
        return cross_entropy(output, target.long(), reduction="none")

    def figures(self, outputs: Tensor, truth: Tensor) -> dict[str, float]:
        """See Objective."""
        known = ~truth.isnan()
        units, people = normalize(outputs[known].float())[:_MOST], truth[known][:_MOST]
        first, second = np.triu_indices(len(units), 1)
        scores, same = (units @ units.T).numpy()[first, second], (people[first] == people[second]).numpy()
        if not same.any() or same.all():
            return {"auc": float("nan"), "eer": float("nan"), "tar_at_far_1e-3": float("nan")}
        curve = roc(scores, same)
        return {"auc": curve.auc, "eer": curve.eer, "tar_at_far_1e-3": curve.tar_at(1e-3)}
