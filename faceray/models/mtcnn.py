"""The three networks of MTCNN (Zhang et al., IEEE SPL 2016) with the weights of facenet-pytorch."""

import io
from collections import OrderedDict

import torch
from torch import Tensor, nn

from faceray.models.weights import WeightFile

_LICENCE = "MIT; trained on WIDER FACE and CelebA (research sets)"


def _file(name: str, sha256: str) -> WeightFile:
    return WeightFile("facenet_pytorch", f"data/{name}.pt", sha256, _LICENCE, "facenet-pytorch==2.5.3")


PNET_FILE = _file("pnet", "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f")
RNET_FILE = _file("rnet", "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86")
ONET_FILE = _file("onet", "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d")


def _conv(inputs: int, outputs: int, kernel: int, pool: int = 0) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, kernel), nn.PReLU(outputs)]
    return [*layers, nn.MaxPool2d(pool, 2, ceil_mode=True)] if pool else layers


class _ColumnMajorFlatten(nn.Module):
    """The weights come from a framework that flattened images column by column."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 3).flatten(1)


class _Cascade(nn.Module):
    """A trunk with a face/non-face head and regression heads. Input: float32 (n, 3, h, w), values (x - 127.5) / 128.

    Output: face probability (n, …), then one tensor for each regression head.
    """

    def __init__(self, trunk: list[nn.Module], face: nn.Module, *regressions: nn.Module) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*trunk)
        self.face = face
        self.regressions = nn.ModuleList(regressions)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.trunk(x)
        return (self.face(x).softmax(1)[:, 1], *(head(x) for head in self.regressions))


def pnet() -> nn.Module:
    """Proposal network, fully convolutional: cells of 12x12 pixels with stride 2; outputs face, box (n, 4, h', w')."""
    trunk = [*_conv(3, 10, 3, pool=2), *_conv(10, 16, 3), *_conv(16, 32, 3)]
    return _load(_Cascade(trunk, nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)), PNET_FILE)


def rnet() -> nn.Module:
    """Refinement network on crops of 24x24 pixels; outputs face (n,), box (n, 4)."""
    trunk = [*_conv(3, 28, 3, pool=3), *_conv(28, 48, 3, pool=3), *_conv(48, 64, 2), _ColumnMajorFlatten()]
    trunk += [nn.Linear(576, 128), nn.PReLU(128)]
    return _load(_Cascade(trunk, nn.Linear(128, 2), nn.Linear(128, 4)), RNET_FILE)


def onet() -> nn.Module:
    """Output network on crops of 48x48 pixels; outputs face (n,), box (n, 4), landmarks (n, 10: five x, five y)."""
    trunk = [*_conv(3, 32, 3, pool=3), *_conv(32, 64, 3, pool=3), *_conv(64, 64, 3, pool=2), *_conv(64, 128, 2)]
    trunk += [_ColumnMajorFlatten(), nn.Linear(1152, 256), nn.PReLU(256)]
    return _load(_Cascade(trunk, nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)), ONET_FILE)


def _load(network: _Cascade, file: WeightFile) -> nn.Module:
    """The file lists its tensors in the order of its layers, which is the order of ours."""
    stored: OrderedDict[str, Tensor] = torch.load(io.BytesIO(file.read()), map_location="cpu", weights_only=True)
    own = network.state_dict()
    network.load_state_dict(dict(zip(own, stored.values(), strict=True)))
    return network.eval()
