"""The attribute network: a small convolutional trunk for aligned faces with one linear head per task."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from faceray.models.heads import Heads


class Normalise(nn.Module):
    """(pixel - mean) / std per channel, after turning RGB to BGR where asked."""

    mean: Tensor
    std: Tensor

    def __init__(self, colour: str, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.bgr = colour == "BGR"
        # not persistent: they come from the card, not from the weights
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, rgb: Tensor) -> Tensor:
        """(n, 3, h, w) float RGB, 0 to 255 -> the same shape, as the trunk wants it."""
        return ((rgb.flip(1) if self.bgr else rgb) - self.mean) / self.std


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [layer, nn.BatchNorm2d(outputs)]


class SeparableBlock(nn.Module):
    """A depthwise 3x3 and a pointwise convolution (MobileNet, Howard et al. 2017); a residual where shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            *_convolution(inputs, inputs, 3, stride, groups=inputs), nn.ReLU(), *_convolution(inputs, outputs, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, ceil(h / stride), ceil(w / stride))."""
        y = self.body(x)
        return torch.relu(x + y if self.residual else y)


class AttributeNet(nn.Module):
    """Stem, one stage per entry of `blocks` (each halves the size and doubles the channels), one weighted average
    over all places (the global depthwise convolution of MobileFaceNet, Chen et al. 2018: in an aligned face a place
    has a meaning), and a linear head per task. With the defaults and all nine attributes 311,225 parameters.

    Args:
        heads: task -> number of outputs.
        size: side of the input in pixels.
        normalise: what is done to the pixels first.
        width: channels of the stem.
        blocks: separable blocks of each stage that follow the one that halves.
        dropout: probability before the heads while training.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        size: int,
        normalise: nn.Module,
        width: int = 32,
        blocks: Sequence[int] = (2, 4, 2),
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if not (1 <= width <= 128 and 1 <= len(blocks) <= 4 and all(0 <= b <= 16 for b in blocks)):
            raise ValueError(f"width {width} must be 1 to 128, blocks {list(blocks)} 1 to 4 numbers up to 16")
        layers = [normalise, *_convolution(3, width, 3, stride=2), nn.ReLU()]
        for count in blocks:
            layers += [SeparableBlock(width, 2 * width, stride=2)]
            layers += [SeparableBlock(2 * width, 2 * width, stride=1) for _ in range(count)]
            width *= 2
        side = math.ceil(size / 2 ** (len(blocks) + 1))
        average = nn.Conv2d(width, width, side, groups=width, bias=False)
        self.trunk = nn.Sequential(*layers, average, nn.BatchNorm2d(width), nn.Flatten(), nn.Dropout(dropout))
        self.heads = Heads(width, heads)

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """(n, 3, size, size) float RGB, 0 to 255 -> the logits of each task, (n, outputs)."""
        logits: tuple[Tensor, ...] = self.heads(self.trunk(rgb))
        return logits

    def embed(self, rgb: Tensor) -> Tensor:
        """(n, 3, size, size) float RGB, 0 to 255 -> (n, width of the last stage) of unit length, for margin
        heads: a network small enough to learn identities on a CPU.
        """
        return normalize(self.trunk(rgb))
