"""C3AE: the published counts, three boxes with one set of weights, its two ways to say an age, exports."""

import math

import pytest
import torch
from torch import nn

from faceray.models.c3ae import C3AE, GeM, Mish6
from faceray.models.trunks import count_parameters
from tests.models.parity import PLAIN, check_exports, pictures, settled

AGE = {"age": 1}
BOTH = {"age": 1, "age_bins": 12, "gender": 2}
V2 = {"squeeze_excite": True, "pool": "gem", "activation": "mish6", "neck": True}


@pytest.mark.parametrize(
    ("heads", "arguments", "count"),
    [
        (AGE, {"boxes": 1}, 36_345),
        (AGE, {"boxes": 1, "first_bias": True}, 36_377),
        (AGE, {}, 48_633),
        (AGE | {"age_bins": 12}, {}, 48_633),
        (AGE, {"squeeze_excite": True}, 53_993),
        (AGE | {"gender": 2}, {"squeeze_excite": True}, 53_993 + 2 * 1537),
        (AGE | {"gender": 2}, V2, 837_345),
    ],
)
def test_parameters_as_published(heads, arguments, count):
    with torch.device("meta"):
        assert count_parameters(C3AE(heads, 64, PLAIN, **arguments), statistics=True) == count


def test_the_convolutions_are_the_same_for_every_box():
    one, three = C3AE(AGE, 64, PLAIN, boxes=1).eval(), C3AE(AGE, 64, PLAIN).eval()
    one.trunk.load_state_dict(three.trunk.state_dict())
    batch = pictures(2, 3, 3, 64, 64)
    expected = torch.cat([one.features(batch[:, box]) for box in range(3)], 1)
    assert expected.shape == (2, 3 * 512)
    torch.testing.assert_close(three.features(batch), expected)


@pytest.mark.parametrize("arguments", [{}, {"squeeze_excite": True}, V2])
def test_one_output_per_task_in_order(arguments):
    module = C3AE({"gender": 2, "age_bins": 12, "age": 1}, 64, PLAIN, **arguments).eval()
    outputs = module(pictures(2, 3, 3, 64, 64))
    assert [tuple(o.shape) for o in outputs] == [(2, 2), (2, 12), (2, 1)]


def test_age_is_linear_in_the_bins_probabilities_and_starts_as_their_mean():
    module = settled(C3AE(BOTH, 64, PLAIN), pictures(8, 3, 3, 64, 64))
    age, bins, _ = module(pictures(3, 3, 3, 64, 64))
    years = 10.0 * torch.arange(12)
    torch.testing.assert_close(age[:, 0], bins.softmax(1) @ years)
    torch.testing.assert_close(age, module.bins.answer(bins))
    nn.init.normal_(module.age.weight)
    assert not torch.allclose(module(pictures(3, 3, 3, 64, 64))[0], age)


def test_age_as_a_distribution_over_bins():
    module = C3AE({"age": 12}, 64, PLAIN, boxes=1).eval()
    batch = pictures(2, 3, 64, 64)
    (bins,) = module(batch)
    assert bins.shape == (2, 12)
    torch.testing.assert_close(bins, module.bins(module.features(batch)))


def test_the_neck_gives_unit_vectors_and_bounded_logits():
    module = settled(C3AE(BOTH, 64, PLAIN, **V2), pictures(8, 3, 3, 64, 64))
    batch = pictures(3, 3, 3, 64, 64)
    torch.testing.assert_close(module.features(batch).norm(dim=1), torch.ones(3))
    _, bins, gender = module(batch)
    assert max(bins.abs().max(), gender.abs().max()) <= 16


def test_mish6_and_generalised_mean_by_hand():
    x = torch.tensor([-100.0, -1.0, 0.0, 1.0, 5.0, 6.5, 100.0])
    expected = [min(v * math.tanh(math.log1p(math.exp(v))), 6) if v < 50 else 6 for v in x.tolist()]
    torch.testing.assert_close(Mish6()(x), torch.tensor(expected), rtol=1e-4, atol=1e-6)
    maps = torch.tensor([[1.0, 2.0], [3.0, -4.0]]).view(1, 1, 2, 2)
    torch.testing.assert_close(GeM()(maps).flatten(), torch.tensor([((1 + 8 + 27 + 0) / 4) ** (1 / 3)]))


@pytest.mark.parametrize(("boxes", "arguments"), [(1, {}), (3, {"squeeze_excite": True}), (3, V2)])
def test_exports_give_the_same_numbers(boxes, arguments):
    torch.manual_seed(0)
    shape = (3, 64, 64) if boxes == 1 else (3, 3, 64, 64)
    module = settled(C3AE(BOTH, 64, PLAIN, boxes, **arguments), pictures(16, *shape))
    check_exports(module, pictures(3, *shape))


@pytest.mark.parametrize("arguments", [{"squeeze_excite": True}, V2])
def test_it_learns(arguments):
    """Every weight gets a gradient, and a few steps tell dark faces from bright ones."""
    torch.manual_seed(0)
    module = C3AE(BOTH, 40, PLAIN, **arguments)
    dark = torch.arange(8) % 2
    batch = pictures(8, 3, 3, 40, 40) * (1 - 0.8 * dark).view(-1, 1, 1, 1, 1)
    optimiser = torch.optim.Adam(module.parameters(), 5e-3)
    losses = []
    for _ in range(25):
        age, bins, gender = module(batch)
        loss = (age[:, 0] - 60.0 * dark).abs().mean() / 10 + nn.functional.cross_entropy(gender, dark)
        loss = loss + nn.functional.cross_entropy(bins, 6 * dark)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
    assert sum(losses[-3:]) < 0.5 * sum(losses[:3])


@pytest.mark.parametrize(
    ("heads", "size", "arguments", "message"),
    [
        (AGE, 37, {}, "size 37 at least 38"),
        (AGE, 64, {"boxes": 2}, "boxes 2 must be 1 or 3"),
        (AGE, 64, {"bins": 10**9}, "bins 1000000000"),
        ({"age": 101}, 64, {}, "1 output or one for each of 12 bins"),
        ({"age_bins": 1}, 64, {}, "1 output or one for each of 12 bins"),
        (AGE, 64, {"pool": "max"}, "pool 'max' must be mean or gem"),
        (AGE, 64, {"activation": "gelu"}, "activation 'gelu' relu or mish6"),
    ],
)
def test_what_makes_no_c3ae(heads, size, arguments, message):
    with pytest.raises(ValueError, match=message):
        C3AE(heads, size, PLAIN, **arguments)
