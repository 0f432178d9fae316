"""All-in-One: counts of both variants, which branch sees what, sub-networks, the identity descriptor."""

import pytest
import torch
from torch import nn

from faceray.models.all_in_one import TASKS, AllInOne
from faceray.models.trunks import count_parameters
from tests.models.parity import PLAIN, pictures


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({"variant": "singnet"}, 90_681_795),
        ({"variant": "singnet", "grey": False}, 90_705_027),
        ({}, 118_506_339),  # published nowhere: a change of the network shows here
    ],
)
def test_parameters(arguments, count):
    with torch.device("meta"):
        module = AllInOne(TASKS, 227, PLAIN, **arguments)
    assert count_parameters(module, statistics=True) == count


def test_layers_of_the_keras_project():
    with torch.device("meta"):
        module = AllInOne(TASKS, 227, PLAIN, "singnet")
    assert module.fusion is not None
    assert module.conv7 is not None
    counts = {name: count_parameters(layer, True) for name, layer in module.trunk.named_children() if name != "pool"}
    assert counts == {
        "conv1": 11_712 + 384,
        "conv2": 614_656 + 1_024,
        "conv3": 885_120,
        "conv4": 1_327_488,
        "conv5": 1_769_984,
        "conv6": 2_359_808,
    }
    assert count_parameters(module.conv7) == 2_359_808
    assert count_parameters(module.fusion) == 393_472 + 393_472 + 262_400 + 18_876_416
    assert count_parameters(module.heads["identity"]) == 8_389_632 + 524_800 + 5_411_124


@pytest.mark.parametrize("variant", ["paper", "singnet"])
def test_one_output_per_task_in_order(variant):
    with torch.device("meta"):
        module = AllInOne(TASKS, 227, nn.Identity(), variant)
        outputs = module(torch.empty(2, 3, 227, 227))
        assert module.embed(torch.empty(2, 3, 227, 227)).shape == (2, 512)
    assert [tuple(o.shape) for o in outputs] == [(2, count) for count in TASKS.values()]


def test_only_the_branches_that_are_needed():
    with torch.device("meta"):
        smile, age = (AllInOne({task: 2}, 227, nn.Identity()) for task in ("smile", "age"))
    assert (smile.fusion is None, smile.conv7 is None) == (False, True)
    assert (age.fusion is None, age.conv7 is None) == (True, True)
    with pytest.raises(ValueError, match="no identity descriptor"):
        age.embed(torch.empty(1, 3, 227, 227))


def test_which_layers_a_task_learns_from():
    """All from the shared convolutions; smile from the fusion, race and identity from the deeper ones."""
    torch.manual_seed(0)
    heads = {"smile": 2, "race": 5, "identity": 3}
    module = AllInOne(heads, 227, PLAIN, "singnet")
    outputs = module(pictures(2, 3, 227, 227))
    assert all(o.std() > 0.01 for o in outputs)  # the signal has not faded on its way
    learns = {}
    for task, output in zip(heads, outputs, strict=True):
        module.zero_grad()
        output.square().sum().backward(retain_graph=True)
        learns[task] = {name.split(".")[-3] for name, p in module.named_parameters() if p.grad is not None}
    shared = {"conv1", "conv2", "conv3", "conv4", "conv5"}
    assert all(shared <= parts for parts in learns.values())
    assert ["conv1a" in learns[task] for task in heads] == [True, False, False]
    assert ["conv6" in learns[task] for task in heads] == [False, True, True]


def test_deep_layers_are_not_one_linear_map():
    """Unlike in the Keras project, where conv3 to conv7 have no activation."""
    with torch.device("meta"):
        module = AllInOne(TASKS, 227, PLAIN, "singnet")
    assert all(isinstance(getattr(module.trunk, f"conv{n}")[1], nn.ReLU) for n in range(1, 7))


@pytest.mark.parametrize(("size", "variant", "message"), [(224, "paper", "size 224"), (227, "mine", "variant 'mine'")])
def test_what_makes_no_all_in_one(size, variant, message):
    with pytest.raises(ValueError, match=message):
        AllInOne(TASKS, size, PLAIN, variant)
