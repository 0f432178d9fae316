"""Asking a network: outputs in the order of the rows, features before the heads, nothing is changed by it."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from faceray.results.schema import GENDERS
from faceray.training.answers import ask
from faceray.training.learner import Learner
from faceray.training.objectives.age import AgeYears
from faceray.training.objectives.classes import Classes

OBJECTIVES = (Classes(name="gender", classes=GENDERS), AgeYears())
ROWS = np.array([[0, 3], [1, 0], [0, 1], [1, 2], [0, 0]])


class Small(nn.Module):
    """Features: the mean level of each colour, dropped out; heads on them."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout, self.norm = nn.Dropout(0.5), nn.BatchNorm1d(3)
        self.heads = nn.ModuleDict(
            {"gender": nn.Linear(3, 2), "age": nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 1))}
        )

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        features = self.norm(self.dropout(rgb.mean((2, 3)) / 255))
        return tuple(self.heads[objective.name](features) for objective in OBJECTIVES)


def feed(rows: NDArray[np.int64], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Pictures whose level says which row they are of."""
    for part in np.array_split(rows, range(batch, len(rows), batch)):
        levels = torch.from_numpy(100 * part[:, 0] + 10 * part[:, 1]).to(torch.uint8)
        yield levels[:, None, None, None].expand(-1, 3, 4, 4), torch.zeros(len(part), dtype=torch.bool)


@pytest.fixture
def learner() -> Learner:
    torch.manual_seed(0)
    return Learner(Small(), OBJECTIVES)


@pytest.mark.parametrize("batch", [1, 2, 5, 64])
def test_outputs_come_in_the_order_of_the_rows_whatever_the_batch(learner: Learner, batch: int) -> None:
    found = ask(learner, feed, ROWS, batch).outputs
    alone = [ask(learner, feed, ROWS[i : i + 1], 1).outputs for i in range(len(ROWS))]
    for name, width in (("gender", 2), ("age", 1)):
        assert found[name].shape == (5, width)
        assert found[name].dtype == torch.float32
        torch.testing.assert_close(found[name], torch.cat([one[name] for one in alone]))


def test_asking_leaves_the_network_as_it_is(learner: Learner) -> None:
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    learner.train()
    first, second = ask(learner, feed, ROWS, 2), ask(learner, feed, ROWS, 2)
    torch.testing.assert_close(first.outputs, second.outputs)  # no dropout
    assert learner.training
    assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())
    assert not first.outputs["age"].requires_grad
    learner.eval()
    ask(learner, feed, ROWS, 2)
    assert not learner.training


def test_features_are_what_goes_into_a_tasks_last_layer(learner: Learner) -> None:
    found = ask(learner, feed, ROWS, 2, ["gender", "age"])
    assert found.features["gender"].shape == (5, 3)
    assert found.features["age"].shape == (5, 5)
    head = learner.network.heads["gender"]
    torch.testing.assert_close(head(found.features["gender"]).detach(), found.outputs["gender"])
    assert ask(learner, feed, ROWS, 2).features == {}


def test_no_rows_give_no_answers(learner: Learner) -> None:
    found = ask(learner, feed, ROWS[:0], 2)
    assert {name: tuple(output.shape) for name, output in found.outputs.items()} == {"gender": (0, 2), "age": (0, 1)}


def test_a_network_without_heads_has_no_features() -> None:
    class Headless(Small):
        def __init__(self) -> None:
            super().__init__()
            self.named, self.heads = self.heads, nn.ModuleDict()

        def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
            return tuple(self.named[objective.name](rgb.mean((2, 3))) for objective in OBJECTIVES)

    learner = Learner(Headless(), OBJECTIVES)
    assert ask(learner, feed, ROWS, 2).outputs["age"].shape == (5, 1)
    with pytest.raises(ValueError, match="without a head 'gender' of its own gives no features"):
        ask(learner, feed, ROWS, 2, ["gender"])
