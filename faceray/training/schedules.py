"""What changes while training: learning rate, the age loss's λ, and when to stop. Pure functions of step and history.

Nothing here has a state of its own: the history of a metric is what a checkpoint keeps, so a resumed run takes the
same decisions. Original 1 makes its callbacks anew for each epoch, so that they never fire.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Schedule:
    """The learning rate as a factor of the first one.

    - `constant`: 1.
    - `steps`: times `factor` at each of the milestones, in epochs: (9, 12, 14) in original 2, every 30 in SSR-Net.
    - `cosine`: from 1 to `last`: l + (1 - l) (1 + cos(π t)) / 2, t the share of the training that is done
      (Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts); C3AE v2 ends at 0.01.
    - `plateau`: times `factor` for each of the `plateaus` so far.

    Attributes:
        warm_up: epochs in which the rate also rises from 0.
    """

    kind: Literal["constant", "steps", "cosine", "plateau"] = "constant"
    milestones: tuple[float, ...] = ()
    factor: float = 0.1
    last: float = 0.01
    patience: int = 3
    threshold: float = 1e-3
    cooldown: int = 0
    warm_up: float = 0.0

    def at(self, epoch: float, epochs: float, history: Sequence[float] = (), higher: bool = False) -> float:
        """The factor.

        Args:
            epoch: done so far; parts count. epochs: of the whole training.
            history: the watched metric at each evaluation so far; higher: whether more of it is better.
        """
        rise = min(1.0, epoch / self.warm_up) if self.warm_up > 0 else 1.0
        if self.kind == "steps":
            return rise * self.factor ** sum(epoch >= m for m in self.milestones)
        if self.kind == "cosine":
            done = min(max(epoch / epochs, 0.0), 1.0)
            return rise * (self.last + (1 - self.last) * (1 + math.cos(math.pi * done)) / 2)
        if self.kind == "plateau":
            return rise * self.factor ** plateaus(history, self.patience, self.threshold, self.cooldown, higher)
        return rise


def gaussian_share(step: int, steps: int = 20_000, kind: Literal["linear", "step"] = "linear") -> float:
    """λ of All-in-One's age loss: min(1, step / steps), or 0 until `steps` and 1 from then on."""
    return min(1.0, step / steps) if kind == "linear" else float(step >= steps)


def plateaus(
    history: Sequence[float], patience: int, threshold: float = 1e-3, cooldown: int = 0, higher: bool = False
) -> int:
    """How often a metric has stopped improving: the reductions of torch's ReduceLROnPlateau over the same values.

    An evaluation improves if it beats the best by the share `threshold` of it; more than `patience` in a row that do
    not make one plateau, and the `cooldown` evaluations after it do not count.
    """
    fired = bad = rest = 0
    best = -math.inf if higher else math.inf
    for value in history:
        edge = best * (1 + threshold if higher else 1 - threshold)
        better = value > edge if higher else value < edge
        best, bad = (value, 0) if better else (best, bad + 1)
        if rest > 0:
            rest, bad = rest - 1, 0
        if bad > patience:
            fired, bad, rest = fired + 1, 0, cooldown
    return fired


def best_at(history: Sequence[float], change: float = 0.0, higher: bool = False) -> int | None:
    """Number of the evaluation that last improved on the best by more than `change`; None if none is a number.

    The checkpoint to keep. Original 0's callback has change = 0.01 of the loss. NaN never improves anything.
    """
    found, best = None, -math.inf if higher else math.inf
    for number, value in enumerate(history):
        if not math.isnan(value) and (value > best + change if higher else value < best - change):
            found, best = number, value
    return found


def should_stop(history: Sequence[float], patience: int, change: float = 0.0, higher: bool = False) -> bool:
    """Early stopping: the last `patience` evaluations have all not improved on the best before them."""
    best = best_at(history, change, higher)
    return len(history) - (0 if best is None else best + 1) >= patience
