"""mini-Xception: counts, grey pictures, exports."""

import pytest
import torch

from faceray.models.attribute_net import Normalise
from faceray.models.mini_xception import Luminance, MiniXception
from faceray.models.trunks import count_parameters
from tests.models.parity import PLAIN, check_exports, pictures, settled

HEADS = {"emotion": 7, "gender": 2}


def test_parameters_as_published():
    with torch.device("meta"):
        module = MiniXception({"emotion": 7}, 64, PLAIN)
    assert count_parameters(module.trunk, statistics=True) == 50_352
    assert count_parameters(module.trunk) == 48_880
    assert count_parameters(module, statistics=True) == 58_423  # of the authors' emotion network


def test_luminance_is_normalised_like_the_first_channel():
    pixel = torch.tensor([200.0, 100.0, 50.0]).view(1, 3, 1, 1)
    grey = Luminance(Normalise("BGR", (24.2, 0.0, 0.0), (10.0, 1.0, 1.0)))(pixel)
    torch.testing.assert_close(grey, torch.tensor([[[[(0.299 * 200 + 58.7 + 5.7 - 24.2) / 10]]]]))


@pytest.mark.parametrize("size", [20, 48, 64, 65])
def test_one_output_per_task(size):
    module = MiniXception(HEADS, size, PLAIN).eval()
    assert [tuple(o.shape) for o in module(pictures(2, 3, size, size))] == [(2, 7), (2, 2)]


def test_colours_of_equal_luminance_look_the_same():
    module = settled(MiniXception(HEADS, 64, PLAIN), pictures(8, 3, 64, 64))
    red = torch.zeros(1, 3, 64, 64)
    red[:, 0] = 100
    torch.testing.assert_close(module(red), module(torch.full_like(red, 29.9)), rtol=1e-4, atol=1e-4)


def test_exports_give_the_same_numbers():
    torch.manual_seed(0)
    check_exports(settled(MiniXception(HEADS, 64, PLAIN), pictures(16, 3, 64, 64)), pictures(3, 3, 64, 64))


def test_every_weight_learns():
    module = MiniXception(HEADS, 64, PLAIN)
    sum(o.square().sum() for o in module(pictures(4, 3, 64, 64))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


def test_small_pictures_are_refused():
    with pytest.raises(ValueError, match="19 pixels are too small"):
        MiniXception(HEADS, 19, PLAIN)
