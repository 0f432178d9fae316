"""What a training tells people while it goes on. Without torch: Ray's queue that carries it need not load that."""

from dataclasses import dataclass


@dataclass(frozen=True)
class News:
    """Where a training is, for people.

    Attributes:
        step, steps: as many as there are if nothing stops it early. epoch, epochs: likewise.
        loss: of the step before; of the first, its own. figures: of the newest round.
    """

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    figures: dict[str, float]


@dataclass(frozen=True)
class Prelude:
    """What comes before the first step: `done` of `total` pictures; `what` says which."""

    what: str
    done: int
    total: int
