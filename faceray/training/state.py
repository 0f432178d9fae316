"""Where a training stands: what a checkpoint keeps so that a resumed run goes on as if it had never stopped."""

import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch.optim import Optimizer

from faceray.training.learner import Learner

_STATE, _TENSORS = "state.json", "learner.pt"


@dataclass
class State:
    """Counts so far, and the figures of every round.

    Attributes:
        epoch: that is going on, from 0; round: of it that comes next. step: optimiser steps taken.
        history: a row for each round.
    """

    epoch: int = 0
    round: int = 0
    step: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    def values(self, name: str) -> list[float]:
        """A figure in every round so far; NaN where it was not measured."""
        return [row.get(name, float("nan")) for row in self.history]


def save_state(folder: Path, state: State, learner: Learner, optimiser: Optimizer) -> None:
    """Write a checkpoint of the training itself (the network for users is another)."""
    content = io.BytesIO()
    torch.save({"learner": learner.state_dict(), "optimiser": optimiser.state_dict()}, content)
    (folder / _TENSORS).write_bytes(content.getvalue())
    (folder / _STATE).write_text(json.dumps(asdict(state)))


def load_state(folder: Path, learner: Learner, optimiser: Optimizer) -> State:
    """Go on from a checkpoint."""
    kept = torch.load(folder / _TENSORS, map_location="cpu", weights_only=True)
    learner.load_state_dict(kept["learner"])
    optimiser.load_state_dict(kept["optimiser"])
    return State(**json.loads((folder / _STATE).read_text()))
