"""mini-Xception: a separable residual network of 50,000 parameters (Arriaga et al., arXiv 1710.07557)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

CHANNELS = (16, 32, 64, 128)


class Luminance(nn.Module):
    """A grey picture from a coloured one (ITU-R BT.601), normalised like its first channel."""

    weights: Tensor

    def __init__(self, normalise: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise
        self.register_buffer("weights", torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1), persistent=False)

    def forward(self, rgb: Tensor) -> Tensor:
        """(n, 3, h, w) float RGB, 0 to 255 -> (n, 1, h, w)."""
        grey = (rgb * self.weights).sum(1, keepdim=True)
        pixels: Tensor = self.normalise(grey.expand(-1, 3, -1, -1))
        return pixels[:, :1]


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, kernel, stride, bias=False), nn.BatchNorm2d(outputs)]


def _separable(inputs: int, outputs: int) -> list[nn.Module]:
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
    return [depthwise, nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]


class Residual(nn.Module):
    """Two separable convolutions and a pooling, beside a 1x1 convolution; halves the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.shortcut = nn.Sequential(*_convolution(inputs, outputs, 1, stride=2))
        self.body = nn.Sequential(
            *_separable(inputs, outputs), nn.ReLU(), *_separable(outputs, outputs), nn.MaxPool2d(3, 2, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, ceil(h / 2), ceil(w / 2))."""
        total: Tensor = self.body(x) + self.shortcut(x)
        return total


class MiniXception(nn.Module):
    """A grey picture, four residual modules, and per task a convolution whose maps are averaged.

    The trunk has 48,880 parameters, 50,352 with the batch norms' statistics.

    Args:
        heads: task -> number of outputs.
        size: side of the input in pixels, 64 in the original.
        normalise: what is done to the pixels first; the first channel's numbers count.

    Raises:
        ValueError: the pictures are too small.
    """

    def __init__(self, heads: Mapping[str, int], size: int, normalise: nn.Module) -> None:
        super().__init__()
        if size < 20:
            raise ValueError(f"pictures of {size} pixels are too small, 20 is the least")
        self.normalise = Luminance(normalise)
        layers = [*_convolution(1, 8, 3), nn.ReLU(), *_convolution(8, 8, 3), nn.ReLU()]
        layers += [Residual(inputs, outputs) for inputs, outputs in zip((8, *CHANNELS), CHANNELS, strict=False)]
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.ModuleDict({task: nn.Conv2d(128, outputs, 3, padding=1) for task, outputs in heads.items()})

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """(n, 3, size, size) float RGB, 0 to 255 -> the logits of each task, (n, outputs)."""
        maps = self.trunk(self.normalise(rgb))
        return tuple(head(maps).mean((2, 3)) for head in self.heads.values())
