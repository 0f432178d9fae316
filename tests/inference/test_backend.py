"""Backends: OpenVINO gives torch's numbers; a device that is not there is refused."""

import pytest
import torch
from torch import Tensor, nn

from faceray.errors import UserError
from faceray.inference.backend import Precision, _torch, compile_network, pick_device


class TwoHeads(nn.Module):
    """A convolution, then outputs of different ranks; with a dropout, which only training should notice."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.PReLU(8), nn.Dropout(0.5))
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.trunk(x)
        return x, self.head(x.mean((2, 3)))


class OneHead(TwoHeads):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x)[1]


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_openvino_gives_the_numbers_of_torch(batch: int) -> None:
    network = compile_network(TwoHeads(), torch.zeros(2, 3, 16, 16), "cpu")
    x = noise(batch, 3, 16, 16)
    for result, expected in zip(network(x), TwoHeads().eval()(x), strict=True):
        assert result.dtype == torch.float32
        assert not result.requires_grad
        torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-5)


def test_sizes_may_vary_where_asked_for() -> None:
    network = compile_network(TwoHeads(), torch.zeros(1, 3, 16, 16), "cpu", dynamic=(0, 2, 3))
    for shape in ((1, 3, 12, 40), (3, 3, 5, 5), (1, 3, 12, 40)):
        x = noise(*shape)
        torch.testing.assert_close(network(x), TwoHeads().eval()(x), rtol=1e-4, atol=1e-5)


def test_one_output_is_a_tuple_too() -> None:
    x = noise(2, 3, 16, 16)
    for network in (compile_network(OneHead(), x, "cpu"), _torch(OneHead().eval(), "cpu", "fp32")):
        outputs = network(x)
        assert isinstance(outputs, tuple)
        torch.testing.assert_close(outputs, (OneHead().eval()(x),), rtol=1e-4, atol=1e-5)


def test_results_stay_when_the_network_runs_again() -> None:
    network = compile_network(OneHead(), torch.zeros(2, 3, 16, 16), "cpu")
    (first,) = network(noise(2, 3, 16, 16))
    kept = first.clone()
    network(torch.ones(2, 3, 16, 16))
    assert torch.equal(first, kept)


def test_inputs_need_not_be_contiguous() -> None:
    network = compile_network(OneHead(), torch.zeros(2, 3, 16, 16), "cpu")
    x = noise(2, 16, 16, 3).permute(0, 3, 1, 2)
    torch.testing.assert_close(network(x), network(x.contiguous()))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_every_precision_returns_float32(precision: Precision) -> None:
    x = noise(2, 3, 16, 16)
    for network in (compile_network(TwoHeads(), x, "cpu", precision), _torch(TwoHeads().eval(), "cpu", precision)):
        for result, expected in zip(network(x), TwoHeads().eval()(x), strict=True):
            assert result.dtype == torch.float32
            torch.testing.assert_close(result, expected, rtol=0.05, atol=0.05)


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device() == pick_device("auto") == pick_device("cpu") == "cpu"
    with pytest.raises(UserError, match="'cuda' was asked for, but torch sees no GPU"):
        pick_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device() == pick_device("cuda") == "cuda"
    assert pick_device("cpu") == "cpu"
