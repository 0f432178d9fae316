"""A network on a trunk that it borrows: an identity network, whose weights stay in the package that carries them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceray.models.dlib_resnet import load_dlib_resnet
from faceray.models.heads import Heads, perceptron
from faceray.models.sface import load_sface

GRID = 2  # places along each axis that a layer's maps are averaged over


class SFaceLayers(nn.Module):
    """SFace's later layers and its embedding: (n, 3, 112, 112) RGB, 0 to 255 -> (n, 14464)."""

    taken = ("conv_6", "conv_8", "conv_10", "conv_12", "conv_13", "conv_14")
    size, features = 112, GRID**2 * (256 + 3 * 512 + 2 * 1024) + 128

    def __init__(self) -> None:
        super().__init__()
        self.network = load_sface()

    def forward(self, rgb: Tensor) -> Tensor:
        """See the class."""
        x, taken = (rgb - 127.5) / 128, []
        for name, unit in self.network.units.named_children():
            x = unit(x)
            if name in self.taken:
                taken.append(_pooled(x))
        embedding = self.network.fc1(self.network.pre_fc1(self.network.bn1(x).flatten(1)))
        return torch.cat([*taken, embedding], 1)


class DlibLayers(nn.Module):
    """dlib's ResNet: (n, 3, 150, 150) RGB, 0 to 255 -> (n, 4224)."""

    taken = (6, 9, 11, 12, 13)  # blocks
    size, features = 150, GRID**2 * (64 + 128 + 3 * 256) + 128

    def __init__(self) -> None:
        super().__init__()
        self.network = load_dlib_resnet()

    def forward(self, rgb: Tensor) -> Tensor:
        """See the class."""
        x = F.relu(self.network.stem((rgb - self.network.mean) / 256))
        x, taken = F.max_pool2d(x, 3, 2), []
        for number, block in enumerate(self.network.blocks):
            x = block(x)
            if number in self.taken:
                taken.append(_pooled(x))
        return torch.cat([*taken, self.network.embedding(x.mean((2, 3)))], 1)


TRUNKS: dict[str, type[SFaceLayers] | type[DlibLayers]] = {"sface": SFaceLayers, "dlib": DlibLayers}


def _pooled(maps: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(maps, GRID).flatten(1)


class Borrowed(nn.Module):
    """Layers that never learn and that no checkpoint holds: hidden from `parameters` and `state_dict`, but moved with
    the module that has them."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self._layers = [layers.eval().requires_grad_(False)]  # in a list, where torch does not look for modules

    def _apply(self, function: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self._layers[0]._apply(function, recurse)  # type: ignore[no-untyped-call]
        return super()._apply(function, recurse)  # type: ignore[no-any-return,no-untyped-call]

    def forward(self, x: Tensor) -> Tensor:
        """What the layers make of it."""
        result: Tensor = self._layers[0](x)
        return result


class BorrowedNet(nn.Module):
    """Attributes from what an identity network sees: its layers averaged over a coarse grid, a perceptron, heads.

    Training can compute the trunk's features once for all epochs: `stem` and `tail` are the two halves of `forward`.

    Args:
        heads: task -> number of outputs.
        size: side of the input in pixels; the trunk's own.
        normalise: not used: the trunk has its own.
        trunk: `sface` or `dlib`.
        hidden: widths of the shared layers. dropout: of the features and after each of these.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        size: int,
        normalise: nn.Module,
        trunk: Literal["sface", "dlib"] = "sface",
        hidden: Sequence[int] = (256,),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if trunk not in TRUNKS or size != TRUNKS[trunk].size:
            known = ", ".join(f"{name} ({layers.size} pixels)" for name, layers in TRUNKS.items())
            raise ValueError(f"trunk {trunk!r} at {size} pixels must be one of {known}")
        features = TRUNKS[trunk].features
        self.stem = Borrowed(TRUNKS[trunk]())
        self.norm = nn.BatchNorm1d(features, affine=False)
        self.shared = nn.Sequential(nn.Dropout(dropout), perceptron(features, hidden, dropout))
        self.heads = Heads(hidden[-1] if hidden else features, heads)

    def tail(self, features: Tensor) -> tuple[Tensor, ...]:
        """What `stem` gives -> the outputs of each task, (n, outputs)."""
        logits: tuple[Tensor, ...] = self.heads(self.shared(self.norm(features)))
        return logits

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """(n, 3, size, size) float RGB, 0 to 255 -> the outputs of each task, (n, outputs)."""
        return self.tail(self.stem(rgb))
