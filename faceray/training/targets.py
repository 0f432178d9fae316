"""What a network is told about labels that are missing: nothing, its own older answer, its best guess, or a mixture.

Hong et al., "Beyond without forgetting: multi-task learning for classification with disjoint datasets", ICME 2020:
before each phase the current network answers the task that the phase's data lack, and is held to these answers while
it learns the other task.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from faceray.training.losses import labelled, soften
from faceray.training.selection import keep

Method = Literal["naive", "distilled", "pseudo", "interpolated"]


class Target(NamedTuple):
    """Targets (n, K) float32 and weights (n,) float32, for `losses.masked`; not labelled means NaN and 0."""

    values: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Filling:
    """How missing labels are filled.

    With q = softmax(logits / temperature) row by row, c = one-hot of the likeliest class, and w = the sample's weight
    from `selection.sample_weights`, 0 to 1:

    - `naive`: not at all; only labelled samples count.
    - `distilled`: q.
    - `pseudo`: c with weight w for the ⌈(1 - quantile) n⌉ samples of largest w (0.8 keeps 20 %), if w >= `minimum`;
      the others get q with weight 1 (`fallback` distill, as the paper has it), or are left out (mask, as original 1
      does).
    - `interpolated`: w c + (1 - w) q.

    Without weights (no selector) `pseudo` and `interpolated` are (c + q) / 2.

    Attributes:
        share: of c in `interpolated`, the same for all samples; None: each sample's w. The scripts for three tasks of
            original 1 give β to q: their 0.9 is 0.1 here.
    """

    method: Method = "pseudo"
    temperature: float = 2.0
    quantile: float = 0.9
    minimum: float = 0.0
    fallback: Literal["distill", "mask"] = "distill"
    share: float | None = None

    def __post_init__(self) -> None:
        shares = (self.quantile, self.minimum, self.share or 0)
        if self.temperature <= 0 or not all(0 <= x <= 1 for x in shares):
            raise ValueError("temperature is above 0; quantile, minimum and share are from 0 to 1")


def fill(filling: Filling, target: Tensor, logits: Tensor, weight: Tensor | None = None) -> Target:
    """Targets for all samples of a data set, labelled or not. Labels that are there stay, with weight 1.

    Args:
        target: (n, K) distributions, rows of NaN where a label is missing.
        logits: (n, K), the network's answers before the phase.
        weight: (n,), from `selection.sample_weights`; None where no selector was asked for.
    """
    known = labelled(target)
    made = _answers(filling, logits.detach(), weight, ~known)
    values = torch.where(known[:, None], target, made.values).float()
    return Target(values, torch.where(known, 1.0, made.weight))


def two_classes(logit: Tensor) -> Tensor:
    """A yes-or-no task as two classes: (n,) or (n, 1) logits -> (n, 2) logits whose softmax is (1 - p, p).

    Column 1 of the filled targets is then the target of `losses.binary_cross_entropy`.
    """
    yes = logit.reshape(-1, 1)
    return torch.cat([torch.zeros_like(yes), yes], 1)


def _answers(filling: Filling, logits: Tensor, weight: Tensor | None, missing: Tensor) -> Target:
    one = torch.ones(len(logits), device=logits.device)
    soft = soften(logits, filling.temperature)
    hard = torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).float()
    if filling.method == "naive":
        return Target(torch.full_like(soft, torch.nan), 0 * one)
    if filling.method == "distilled":
        return Target(soft, one)
    if filling.method == "interpolated" and filling.share is not None:
        weight = filling.share * one
    if weight is None:
        return Target((hard + soft) / 2, one)
    if filling.method == "interpolated":
        return Target(weight[:, None] * hard + (1 - weight[:, None]) * soft, one)
    sure = keep(torch.where(missing, weight, 0.0), filling.quantile, int(missing.sum())) & (weight >= filling.minimum)
    rest = one if filling.fallback == "distill" else 0 * one
    return Target(torch.where(sure[:, None], hard, soft), torch.where(sure, weight, rest))
