"""Freezing by part: names, counts, and statistics that stay."""

import pytest
import torch
from torch import nn

from faceray.errors import UserError
from faceray.training.freezing import set_trainable, train_mode


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.heads = nn.ModuleDict({"age": nn.Linear(4, 1), "age_bins": nn.Linear(4, 12)})


def learning(model: nn.Module) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}


def test_only_the_named_parts_learn():
    model = Small()
    assert set_trainable(model, ["heads.age"]) == 5
    assert learning(model) == {"heads.age.weight", "heads.age.bias"}  # not age_bins
    assert set_trainable(model, ["trunk", "heads.age"]) == 20 + 8 + 5
    assert set_trainable(model) == sum(p.numel() for p in model.parameters())


def test_parts_that_do_not_exist_are_named():
    with pytest.raises(UserError, match="no part 'head'; its parts are trunk, heads"):
        set_trainable(Small(), ["head"])


def test_frozen_parts_keep_their_statistics_and_drop_nothing():
    model = Small()
    set_trainable(model, ["heads"])
    train_mode(model)
    x = torch.randn(16, 4) + 3
    before = model.trunk[1].running_mean.clone()
    assert torch.equal(model.trunk(x), model.trunk(x))
    assert torch.equal(model.trunk[1].running_mean, before)
    assert model.heads["age"].training
    set_trainable(model)
    train_mode(model)
    model.trunk(x)
    assert not torch.equal(model.trunk[1].running_mean, before)


def test_old_gradients_of_frozen_parts_are_gone():
    model = Small()
    model.trunk(torch.randn(8, 4)).sum().backward()
    set_trainable(model, ["heads"])
    assert all(p.grad is None for p in model.trunk.parameters())
