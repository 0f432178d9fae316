"""IR and IR-SE ResNets: the residual networks of ArcFace (Deng et al., CVPR 2019), 512 numbers for a face."""

import math
from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from faceray.models.heads import Heads

UNITS = {50: (3, 4, 14, 3), 100: (3, 13, 30, 3), 152: (3, 8, 36, 3)}
FEATURES = 512

# Layers are called as in face_analysis_pytorch and InsightFace_Pytorch, so that their checkpoints fit.


class SEModule(nn.Module):
    """Squeeze-excite (Hu et al., CVPR 2018) without biases."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1, bias=False)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        weights: Tensor = self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
        return x * weights


class Unit(nn.Module):
    """BN, convolution, (BN,) PReLU, convolution that halves the size, BN, (squeeze-excite), beside a shortcut.

    Args:
        plain: without the batch norm in the middle, and with a shortcut that takes every second pixel where the
            channels stay the same, as in InsightFace_Pytorch.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, squeeze_excite: bool, plain: bool) -> None:
        super().__init__()
        if stride == 1 or (plain and inputs == outputs):
            self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)
        else:
            convolution = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut_layer = nn.Sequential(convolution, nn.BatchNorm2d(outputs))
        layers = [nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)]
        layers += [] if plain else [nn.BatchNorm2d(outputs)]
        layers += [nn.PReLU(outputs), nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(outputs)]
        layers += [SEModule(outputs)] if squeeze_excite else []
        self.res_layer = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, ceil(h / stride), ceil(w / stride))."""
        total: Tensor = self.res_layer(x) + self.shortcut_layer(x)
        return total


class IRTrunk(nn.Module):
    """Normalised pixels (n, 3, size, size) -> (n, 512) of unit length."""

    def __init__(self, size: int, depth: int, squeeze_excite: bool, plain: bool, dropout: float) -> None:
        super().__init__()
        stem = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.input_layer = nn.Sequential(stem, nn.BatchNorm2d(64), nn.PReLU(64))
        body: list[nn.Module] = []
        inputs = 64
        for channels, units in zip((64, 128, 256, FEATURES), UNITS[depth], strict=True):
            for number in range(units):
                body.append(Unit(inputs, channels, 1 if number else 2, squeeze_excite, plain))
                inputs = channels
        self.body = nn.Sequential(*body)
        places = math.ceil(size / 16) ** 2
        layers = [nn.BatchNorm2d(FEATURES), nn.Dropout(dropout), nn.Flatten()]
        layers += [nn.Linear(FEATURES * places, FEATURES), nn.BatchNorm1d(FEATURES)]
        self.output_layer = nn.Sequential(*layers)

    def forward(self, pixels: Tensor) -> Tensor:
        """See the class."""
        return F.normalize(self.output_layer(self.body(self.input_layer(pixels))))


class IRResNet(nn.Module):
    """The trunk, and a linear head per task on its unit vector.

    At 112 pixels the trunk has 43,590,848 parameters (50 layers), 43,813,568 (50, squeeze-excite), 65,528,384 (100,
    squeeze-excite) or 71,176,896 (152, squeeze-excite).

    Args:
        heads: task -> number of outputs; may be empty for a network that only embeds.
        size: side of the input in pixels, 112 in the paper.
        normalise: what is done to the pixels first. The original: RGB, (pixel - 127.5) / 127.5.
        depth: 50, 100 or 152. squeeze_excite: IR-SE rather than IR.
        unit: the residual unit of which checkpoints, see Unit.
        dropout: of the maps before they become the vector.
        scale: what the heads multiply the unit vector with. The original does not; 22.6 (√512) gives its numbers a
            variance of 1, with which heads learn faster.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        size: int,
        normalise: nn.Module,
        depth: int = 50,
        squeeze_excite: bool = True,
        unit: Literal["face_analysis", "insightface"] = "face_analysis",
        dropout: float = 0.4,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        if depth not in UNITS or unit not in ("face_analysis", "insightface") or not 16 <= size <= 1024:
            raise ValueError(f"depth {depth} (50, 100, 152), unit {unit!r} or size {size} (16 to 1024) out of range")
        self.normalise = normalise
        self.trunk = IRTrunk(size, depth, squeeze_excite, unit == "insightface", dropout)
        self.heads = Heads(FEATURES, heads)
        self.scale = scale

    def embed(self, rgb: Tensor) -> Tensor:
        """(n, 3, size, size) float RGB, 0 to 255 -> (n, 512) of unit length, for margin heads and for matching."""
        embedding: Tensor = self.trunk(self.normalise(rgb))
        return embedding

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """(n, 3, size, size) float RGB, 0 to 255 -> the logits of each task, (n, outputs)."""
        logits: tuple[Tensor, ...] = self.heads(self.scale * self.embed(rgb))
        return logits
