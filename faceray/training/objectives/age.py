"""Age, in the ways of the originals: a distribution over bins, ordinal bits, groups, a number."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from faceray.models.tasks import Task, answer
from faceray.training import losses, regression_losses
from faceray.training.codecs import ADIENCE_GROUPS, AgeBins, age_group, encode_ordinal
from faceray.training.label_codecs import class_weights, one_hot
from faceray.training.metrics import accuracy, cumulative_score, mean_absolute_error
from faceray.training.objectives.objective import Objective, numbers
from faceray.training.schedules import gaussian_share

OLDEST = 90.0  # of an open range such as "more than 70"
_GROUP_AGES = tuple(str((low + min(high, 80)) / 2) for low, high in ADIENCE_GROUPS)


@dataclass(frozen=True, kw_only=True)
class Age(Objective):
    """Years. Samples whose set knows a range only do not count in the figures.

    Figures: `mae` in years, `ca3`, `ca5`: the share of ages at most 3, 5 years off.
    """

    name: str = "age"
    figure: ClassVar[str] = "mae"
    higher: ClassVar[bool] = False

    @property
    def columns(self) -> tuple[str, ...]:
        """See Objective."""
        return ("age", "age_low", "age_high")

    def truth(self, labels: pa.Table) -> Tensor:
        """Years, (n,)."""
        return torch.where(numbers(labels, "age_low").isnan(), numbers(labels, "age"), torch.nan)

    def years(self, outputs: Tensor) -> Tensor:
        """The answer: (n, outputs) -> (n,)."""
        return torch.from_numpy(answer(self.task, outputs.double().numpy())[:, 0])

    def figures(self, outputs: Tensor, truth: Tensor) -> dict[str, float]:
        """See Objective."""
        said, true = self.years(outputs).numpy(), truth.numpy()
        return {"mae": mean_absolute_error(said, true)} | {
            f"ca{years}": cumulative_score(said, true, years) for years in (3, 5)
        }


@dataclass(frozen=True, kw_only=True)
class AgeDistribution(Age):
    """A distribution over bins whose mean is the age (DEX: a bin for each year; C3AE: 12 bins of ten years).

    A set's range counts as the even mixture of its years.

    Attributes:
        bins: how they lie. criterion: between the two distributions.
        mean_error: weight of |mean - age| beside it.
        focal: of the criterion `focal`.
    """

    bins: AgeBins = AgeBins()
    criterion: Literal["cross_entropy", "kl", "focal"] = "cross_entropy"
    mean_error: float = 0.0
    focal: losses.Focal = losses.Focal()

    @property
    def task(self) -> Task:
        """See Objective."""
        return Task(self.name, "expectation", tuple(f"{age:g}" for age in self.bins.ages.tolist()))

    def encode(self, labels: pa.Table) -> Tensor:
        """(n, bins)."""
        low, high = numbers(labels, "age_low"), numbers(labels, "age_high").clamp(max=OLDEST)
        target = self.bins.encode(self.truth(labels).clamp(min=0))
        for first, last in set(zip(low[~low.isnan()].tolist(), high[~low.isnan()].tolist(), strict=True)):
            years = torch.from_numpy(np.arange(first, max(first, last) + 1, dtype=np.float32))
            target[(low == first) & (high == last)] = self.bins.encode(years).mean(0)
        return target

    def fitted(self, labels: pa.Table) -> Self:
        """With the focal loss's class weights, if it has none."""
        if self.criterion != "focal" or self.focal.class_weights:
            return self
        weights = class_weights(self.encode(labels).nansum(0))
        return replace(self, focal=replace(self.focal, class_weights=tuple(weights.tolist())))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """See Objective."""
        criteria: dict[str, losses.Loss] = {
            "cross_entropy": losses.cross_entropy,
            "kl": losses.kl_divergence,
            "focal": self.focal,
        }
        loss = criteria[self.criterion](output, target)
        if self.mean_error:
            ages = self.bins.ages.to(output)
            loss = loss + self.mean_error * (output.softmax(1) @ ages - target @ ages).abs()
        return loss


@dataclass(frozen=True, kw_only=True)
class AgeOrdinal(Age):
    """A yes or no for each year: older than that? (Niu et al., CVPR 2016; original 2)."""

    @property
    def task(self) -> Task:
        """See Objective."""
        return Task(self.name, "ordinal")

    def encode(self, labels: pa.Table) -> Tensor:
        """(n, 100) bits."""
        return encode_ordinal(numbers(labels, "age").clamp(0, 200))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """See Objective."""
        return losses.ordinal(output, target)


@dataclass(frozen=True, kw_only=True)
class AgeGroups(Age):
    """Adience's eight groups, as classes; the mean of the groups' middles is the age.

    Figures beside `mae`: `accuracy` of the group, `off_by_1`.

    Attributes:
        gaps: what an age between two groups gets, see `codecs.age_group`.
    """

    gaps: Literal["nearest", "drop"] = "nearest"
    figure: ClassVar[str] = "accuracy"
    higher: ClassVar[bool] = True

    @property
    def task(self) -> Task:
        """See Objective."""
        return Task(self.name, "expectation", _GROUP_AGES)

    def truth(self, labels: pa.Table) -> Tensor:
        """Years, (n,): of a range its middle, which lies in the same group."""
        return numbers(labels, "age").clamp(min=0)

    def encode(self, labels: pa.Table) -> Tensor:
        """(n, 8)."""
        return one_hot(age_group(self.truth(labels), gaps=self.gaps), len(ADIENCE_GROUPS))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """See Objective."""
        return losses.cross_entropy(output, target)

    def figures(self, outputs: Tensor, truth: Tensor) -> dict[str, float]:
        """See Objective."""
        group = age_group(truth, gaps=self.gaps).numpy()
        called = outputs.argmax(1).float().numpy()
        exact = {"accuracy": accuracy(called, group), "off_by_1": accuracy(called, group, off_by=1)}
        return exact | {"mae": mean_absolute_error(self.years(outputs).numpy(), truth.numpy())}


@dataclass(frozen=True, kw_only=True)
class AgeYears(Age):
    """The age as one number (All-in-One, SSR-Net, C3AE's second output).

    Attributes:
        criterion: `gaussian` goes from a square to 1 - exp(-square / 2 σ²) while training.
        sigma: years, of `gaussian`. anneal_steps: until which that is done.
    """

    criterion: Literal["absolute", "squared", "gaussian", "dead_zone", "relative"] = "absolute"
    sigma: float = 3.0
    gaussian: float = 0.0
    anneal_steps: int = 0

    @property
    def task(self) -> Task:
        """See Objective."""
        return Task(self.name, "regression")

    def at(self, step: int) -> Self:
        """With the share of the bounded loss at this step."""
        return replace(self, gaussian=gaussian_share(step, self.anneal_steps)) if self.anneal_steps else self

    def encode(self, labels: pa.Table) -> Tensor:
        """(n,) years."""
        return numbers(labels, "age").clamp(min=0)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """See Objective."""
        criteria: dict[str, losses.Loss] = {
            "absolute": regression_losses.absolute_error,
            "squared": regression_losses.squared_error,
            "gaussian": regression_losses.GaussianL2(self.gaussian, self.sigma),
            "dead_zone": regression_losses.DeadZone(),
            "relative": regression_losses.relative_squared_error,
        }
        return criteria[self.criterion](output, target)
