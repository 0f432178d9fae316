"""IR and IR-SE ResNets: counts, names as in published checkpoints, unit embeddings."""

import pytest
import torch

from faceray.models.ir_resnet import IRResNet, SEModule, Unit
from faceray.models.trunks import count_parameters
from tests.models.parity import PLAIN, pictures


@pytest.mark.parametrize(
    ("depth", "squeeze_excite", "unit", "count"),
    [
        (50, False, "face_analysis", 43_590_848),
        (50, True, "face_analysis", 43_813_568),
        (100, True, "face_analysis", 65_528_384),
        (152, True, "face_analysis", 71_176_896),
        (50, True, "insightface", 43_797_696),
    ],
)
def test_parameters_as_published(depth, squeeze_excite, unit, count):
    with torch.device("meta"):
        module = IRResNet({}, 112, PLAIN, depth, squeeze_excite, unit)
    assert count_parameters(module) == count


def test_names_and_shapes_of_the_published_checkpoints():
    with torch.device("meta"):
        ours = IRResNet({}, 112, PLAIN).trunk.state_dict()
        plain = IRResNet({}, 112, PLAIN, unit="insightface").trunk.state_dict()
    assert tuple(ours["input_layer.0.weight"].shape) == (64, 3, 3, 3)
    assert tuple(ours["output_layer.3.weight"].shape) == (512, 512 * 7 * 7)
    assert tuple(ours["body.3.shortcut_layer.0.weight"].shape) == (128, 64, 1, 1)
    assert tuple(ours["body.23.res_layer.6.fc1.weight"].shape) == (32, 512, 1, 1)
    assert tuple(plain["body.23.res_layer.5.fc2.weight"].shape) == (512, 32, 1, 1)
    assert "body.0.shortcut_layer.0.weight" in ours
    assert "body.0.shortcut_layer.0.weight" not in plain


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(("inputs", "outputs", "stride"), [(8, 8, 1), (8, 8, 2), (8, 16, 2)])
def test_a_unit_adds_to_its_shortcut(inputs, outputs, stride, plain):
    unit = Unit(inputs, outputs, stride, False, plain).eval()
    x = torch.randn(2, inputs, 7, 7)
    side = 7 if stride == 1 else 4
    assert unit(x).shape == (2, outputs, side, side)
    torch.nn.init.zeros_(unit.res_layer[-1].weight)
    torch.testing.assert_close(unit(x), unit.shortcut_layer(x))
    if stride == 1 or (plain and inputs == outputs):
        torch.testing.assert_close(unit(x), x[:, :, ::stride, ::stride])


def test_squeeze_excite_halves_every_channel_when_it_knows_nothing():
    module, x = SEModule(32), torch.randn(2, 32, 5, 5)
    torch.nn.init.zeros_(module.fc2.weight)
    torch.testing.assert_close(module(x), x / 2)


def test_unit_embeddings_and_heads_on_them():
    torch.manual_seed(0)
    module = IRResNet({"gender": 2, "age": 100}, 32, PLAIN, scale=10).eval()
    batch = pictures(2, 3, 32, 32)
    with torch.inference_mode():
        embedding, (gender, age) = module.embed(batch), module(batch)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(gender, module.heads["gender"](10 * embedding))
    assert age.shape == (2, 100)


@pytest.mark.parametrize(("size", "arguments"), [(112, {"depth": 34}), (112, {"unit": "basic"}), (8, {})])
def test_what_makes_no_ir_resnet(size, arguments):
    with pytest.raises(ValueError, match="out of range"):
        IRResNet({}, size, PLAIN, **arguments)
