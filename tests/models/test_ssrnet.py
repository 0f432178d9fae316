"""SSR-Net: counts, the stagewise regression by hand, exports, learning."""

import numpy as np
import pytest
import torch

from faceray.models.ssrnet import SSRNet, soft_stagewise
from faceray.models.trunks import count_parameters
from tests.models.parity import PLAIN, check_exports, pictures, settled

BOTH = {"age": 1, "gender": 2}


@pytest.mark.parametrize(("heads", "count"), [({"age": 1}, 40_915), (BOTH, 45_014)])
def test_parameters_as_published(heads, count):
    with torch.device("meta"):
        assert count_parameters(SSRNet(heads, 64, PLAIN), statistics=True) == count


def test_plain_stages_are_the_digits_of_a_number():
    """No shifts, no stretches: 2 of 3, then 1 of 3, then 0 of 3 is 0.210 in base 3."""
    ratios = [torch.eye(3)[None, digit] for digit in (2, 1, 0)]
    zeros, ones = [torch.zeros(1, 3)] * 3, [torch.zeros(1, 1)] * 3
    torch.testing.assert_close(soft_stagewise(ratios, zeros, ones), torch.tensor([[2 / 3 + 1 / 9]]))


def test_stagewise_regression_as_in_the_paper():
    rng = np.random.default_rng(0)
    p = [rng.random((5, s)) for s in (3, 4, 2)]
    eta = [rng.uniform(-1, 1, (5, s)) for s in (3, 4, 2)]
    delta = [rng.uniform(-0.9, 1, (5, 1)) for _ in range(3)]
    expected = np.zeros(5)
    for face in range(5):
        width = 1.0
        for k in range(3):
            width /= p[k].shape[1] * (1 + delta[k][face, 0])
            expected[face] += width * sum(p[k][face, i] * (i + eta[k][face, i]) for i in range(p[k].shape[1]))
    got = soft_stagewise(*([torch.from_numpy(a) for a in arrays] for arrays in (p, eta, delta)))
    np.testing.assert_allclose(got[:, 0], expected)


def test_a_stretch_of_minus_one_does_not_divide_by_zero():
    stretches = [torch.full((1, 1), -1.0)] * 3
    assert soft_stagewise([torch.ones(1, 3)] * 3, [torch.zeros(1, 3)] * 3, stretches).isfinite().all()


def test_years_and_logits():
    torch.manual_seed(0)
    module = settled(SSRNet({"smile": 1, "age": 1, "gender": 2}, 64, PLAIN), pictures(16, 3, 64, 64))
    smile, age, gender = module(pictures(4, 3, 64, 64))
    assert (smile.shape, age.shape, gender.shape) == ((4, 1), (4, 1), (4, 2))
    torch.testing.assert_close(gender.sum(1), torch.zeros(4))  # the same logit, for no and for yes
    with torch.no_grad():  # the ratios are 0 when their layer says nothing: a regression of 0, certainly not a smile
        for stage in module.heads["smile"]:
            stage.ratio[0].weight.zero_()
    torch.testing.assert_close(module(pictures(4, 3, 64, 64))[0], torch.full((4, 1), -5.0))


def test_exports_give_the_same_numbers():
    torch.manual_seed(0)
    check_exports(settled(SSRNet(BOTH, 64, PLAIN), pictures(16, 3, 64, 64)), pictures(3, 3, 64, 64))


def test_it_learns():
    torch.manual_seed(0)
    module = SSRNet(BOTH, 64, PLAIN)
    dark = torch.arange(8) % 2
    batch = pictures(8, 3, 64, 64) * (1 - 0.8 * dark).view(-1, 1, 1, 1)
    optimiser = torch.optim.Adam(module.parameters(), 5e-3)
    losses = []
    for _ in range(40):
        age, gender = module(batch)
        loss = (age[:, 0] - 20 - 40.0 * dark).abs().mean() / 10 + torch.nn.functional.cross_entropy(gender, dark)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
    assert sum(losses[-3:]) < 0.5 * sum(losses[:3])


@pytest.mark.parametrize(
    ("heads", "size", "arguments", "message"),
    [
        ({"age": 101}, 64, {}, "SSR-Net has 1 output for age"),
        ({"emotion": 8}, 64, {}, "1 or 2 for yes or no"),
        (BOTH, 64, {"bins": [3, 3]}, r"bins \[3, 3\]"),
        (BOTH, 64, {"bins": [3, 3, 1]}, r"bins \[3, 3, 1\]"),
        (BOTH, 36, {}, "36 pixels are too small"),
    ],
)
def test_what_makes_no_ssrnet(heads, size, arguments, message):
    with pytest.raises(ValueError, match=message):
        SSRNet(heads, size, PLAIN, **arguments)
