"""Optimisers: which parameters decay, what frozen ones do."""

import pytest
import torch
from torch import nn

from faceray.training.freezing import set_trainable
from faceray.training.optimisers import OptimiserOptions, build_optimiser


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.PReLU(4), nn.Flatten(), nn.Linear(4, 2))


def test_normalisation_layers_do_not_decay():
    model = network()
    decayed, kept = build_optimiser(model, OptimiserOptions("sgd", 1e-3, weight_decay=5e-4)).param_groups
    assert (decayed["weight_decay"], decayed["momentum"], decayed["lr"]) == (5e-4, 0.9, 1e-3)
    assert kept["weight_decay"] == 0
    assert {id(p) for p in kept["params"]} == {id(p) for p in model[1].parameters()}
    assert len(decayed["params"]) + len(kept["params"]) == len(list(model.parameters()))


@pytest.mark.parametrize("name", ["adam", "adamax", "adamw", "sgd"])
def test_a_step_lowers_the_loss_and_leaves_frozen_parts_alone(name):
    model = network()
    optimiser = build_optimiser(model, OptimiserOptions(name, 1e-2, weight_decay=0.1))
    x, y = torch.randn(8, 3, 3, 3), torch.randint(0, 2, (8,))

    def step() -> float:
        loss = nn.functional.cross_entropy(model(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.item()

    first = step()
    assert step() < first
    set_trainable(model, ["4"])
    before = model[0].weight.clone()
    step()
    assert torch.equal(model[0].weight, before)
    set_trainable(model)
    step()
    assert not torch.equal(model[0].weight, before)


def test_impossible_rates_are_refused():
    with pytest.raises(ValueError, match="learning rate"):
        OptimiserOptions(learning_rate=0)
