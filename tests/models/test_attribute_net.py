"""The attribute network: shapes, normalisation, and the same numbers in OpenVINO."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from faceray.errors import UserError
from faceray.inference.backend import compile_network
from faceray.models.attribute_net import AttributeNet, Normalise
from faceray.models.card import ModelCard
from faceray.models.networks import build_network
from faceray.models.tasks import Task
from faceray.results.schema import BINARY_ATTRIBUTES, LABELS
from faceray.vision.align import Crop

TASKS = (
    Task("age", "expectation"),
    *(Task(name, "softmax", labels) for name, labels in LABELS.items()),
    *(Task(name, "sigmoid") for name in BINARY_ATTRIBUTES),
)
CARD = ModelCard(
    name="attributes",
    version="1",
    network="attribute_net",
    tasks=TASKS,
    crop=Crop("similarity", 112),
    training_data="none",
    licence="Apache-2.0",
    intended_use="tests",
    limitations="random weights",
)


def pictures(count: int) -> torch.Tensor:
    """Noise of different colours and strengths: (count, 3, 112, 112), 0 to 255."""
    return torch.rand(count, 3, 112, 112) * torch.rand(count, 3, 1, 1) * 255


def lively(module: nn.Module) -> nn.Module:
    """Batch norms as after training, so that differences between faces reach the outputs."""
    torch.manual_seed(0)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # the statistics of the last batch
    module.train()(pictures(16))
    return module.eval()


def test_there_is_one_output_per_task_and_few_parameters():
    module = build_network(CARD).eval()
    outputs = module(torch.rand(2, 3, 112, 112) * 255)
    assert [tuple(o.shape) for o in outputs] == [(2, task.outputs) for task in TASKS]
    assert sum(p.numel() for p in module.parameters()) == 311_225


@pytest.mark.parametrize("size", [48, 64, 100, 112])
def test_any_size_of_crop_and_number_of_stages(size):
    card = replace(CARD, crop=Crop("similarity", size), arguments={"width": 8, "blocks": [1, 0]})
    outputs = build_network(card).eval()(torch.zeros(1, 3, size, size))
    assert outputs[0].shape == (1, 101)


def test_openvino_gives_the_same_logits():
    module = lively(build_network(CARD))
    batch = pictures(3)
    with torch.inference_mode():
        wanted = module(batch)
    got = compile_network(module, pictures(1), "cpu")(batch)
    assert max(o.std(dim=0).max() for o in wanted) > 0.1
    for a, b in zip(wanted, got, strict=True):
        torch.testing.assert_close(b, a, rtol=0, atol=1e-4)


def test_normalisation_is_per_channel_in_the_order_of_the_card():
    red = torch.tensor([200.0, 100.0, 50.0]).view(1, 3, 1, 1)
    rgb = Normalise("RGB", (200.0, 90.0, 40.0), (1.0, 2.0, 5.0))(red)
    bgr = Normalise("BGR", (40.0, 90.0, 200.0), (5.0, 2.0, 1.0))(red)
    assert rgb.flatten().tolist() == [0, 5, 2]
    assert bgr.flatten().tolist() == [2, 5, 0]


def test_the_cards_normalisation_is_used():
    module, plain = lively(build_network(CARD)), build_network(replace(CARD, mean=(0.0,) * 3, std=(1.0,) * 3)).eval()
    plain.load_state_dict(module.state_dict())
    pixels = pictures(2)
    torch.testing.assert_close(module(pixels), plain((pixels - 127.5) / 127.5))


def test_it_learns():
    """Every weight gets a gradient, and a few steps fit a handful of labels."""
    torch.manual_seed(0)
    module = AttributeNet(
        {"gender": 2}, 32, Normalise("RGB", (127.5,) * 3, (127.5,) * 3), width=8, blocks=(1, 1), dropout=0
    )
    optimiser = torch.optim.Adam(module.parameters(), 1e-2)
    pixels, labels = torch.rand(8, 3, 32, 32) * 255, torch.tensor([0, 1] * 4)
    for _ in range(30):
        loss = nn.functional.cross_entropy(module(pixels)[0], labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
    assert loss < 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "vgg"}, "no network 'vgg'"),
        ({"arguments": {"depth": 3}}, "depth"),
        ({"arguments": {"width": 10**9}}, "width 1000000000 must be 1 to 128"),
        ({"arguments": {"blocks": [100]}}, r"blocks \[100\]"),
        ({"arguments": {"width": "wide"}}, "attribute_net"),
        ({"crop": Crop("triple_box", 64)}, "'triple_box' makes 3"),
    ],
)
def test_a_card_without_a_network_is_refused_in_one_line(changes, message):
    with pytest.raises(UserError, match=message) as error:
        build_network(replace(CARD, **changes))
    assert "\n" not in str(error.value)


def test_its_features_are_unit_embeddings_for_margin_heads():
    card = replace(CARD, crop=Crop("similarity", 48), tasks=(Task("identity", "embedding", ("256",)),))
    module = lively(AttributeNet({}, 48, Normalise("RGB", (127.5,) * 3, (128.0,) * 3)))
    network = build_network(card)
    assert sum(p.numel() for p in network.parameters()) == 269_888
    embedding = module.embed(torch.rand(3, 3, 48, 48) * 255)
    assert embedding.shape == (3, 256)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(3))
