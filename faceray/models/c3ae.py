"""C3AE: a tiny network that looks at one face at three scales (Zhang et al., "C3AE", CVPR 2019)."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceray.models.heads import Cosine, Head, TwoPoint

CHANNELS = 32
BIN_YEARS = 10.0


class Mish6(nn.Module):
    """x tanh(ln(1 + e^x)) (Misra, "Mish", BMVC 2020), at most 6."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape, -0.31 to 6."""
        return (x * F.softplus(x).tanh()).clamp_max(6)


class GeM(nn.Module):
    """Generalised mean over all places, its exponent learnt (Radenovic et al., PAMI 2018): 1 is the mean, ∞ the
    maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.exponent = nn.Parameter(torch.tensor(3.0))

    def forward(self, x: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, c, 1, 1). Negative numbers count as 0."""
        mean = x.clamp_min(1e-6).pow(self.exponent).mean((2, 3), keepdim=True)
        return mean.pow(1 / self.exponent)


class SqueezeExcite(nn.Module):
    """Each channel weighted by what all channels are in the mean (Hu et al., CVPR 2018)."""

    def __init__(self, pool: nn.Module, activation: nn.Module, channels: int = CHANNELS, reduction: int = 2) -> None:
        super().__init__()
        narrow = channels // reduction
        self.scale = nn.Sequential(
            pool, nn.Conv2d(channels, narrow, 1), activation, nn.Conv2d(narrow, channels, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        scaled: Tensor = x * self.scale(x)
        return scaled


class Neck(nn.Module):
    """From the boxes' features to one unit vector: each of unit length, batch norms, half of them dropped."""

    def __init__(self, boxes: int, features: int, outputs: int = 512) -> None:
        super().__init__()
        self.boxes, self.features = boxes, features
        layers = [nn.BatchNorm1d(boxes * features), nn.Dropout(0.5), nn.Linear(boxes * features, outputs, bias=False)]
        self.layers = nn.Sequential(*layers, nn.BatchNorm1d(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """(n, boxes * features) -> (n, outputs) of unit length."""
        unit = F.normalize(features.reshape(-1, self.boxes, self.features), dim=2)
        return F.normalize(self.layers(unit.flatten(1)))


class C3AE(nn.Module):
    """Five thin convolutions, the same for every box; age through a softmax over bins ten years apart.

    Tasks: `age` with 1 output is the age in years, a linear function of the bins' probabilities; it starts as their
    mean. `age` with as many outputs as there are `bins`, or `age_bins`, are the bins' logits. Any other task, gender
    for instance, is linear in the features.

    With 12 bins, age alone and counted with the batch norms' statistics: plain 36,345 parameters (with a bias in the
    first convolution 36,377, the paper's table), three boxes 48,633, and squeeze-excite 53,993. The second version
    (`activation="mish6", pool="gem", neck=True`, squeeze-excite, gender) has 837,345. There all tasks see cosines
    with unit weights, times 16: gender too, whose probabilities would otherwise stay between 0.12 and 0.88.

    Args:
        heads: task -> number of outputs.
        size: side of the input in pixels, 64 in the paper.
        normalise: what is done to the pixels first. The paper: BGR, either as they are or (pixel - 127.5) / 128.
        boxes: 1, or 3 (outer, middle, inner; `faceray.vision.align.triple_box`).
        squeeze_excite: after each convolution. pool: how that sums up a channel.
        activation: between the layers. neck: a fully connected layer to 512 features, and cosines.
        first_bias: whether the first convolution has a bias, which the batch norm after it undoes.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        size: int,
        normalise: nn.Module,
        boxes: int = 3,
        squeeze_excite: bool = False,
        pool: Literal["mean", "gem"] = "mean",
        activation: Literal["relu", "mish6"] = "relu",
        neck: bool = False,
        first_bias: bool = False,
        bins: int = 12,
    ) -> None:
        super().__init__()
        side = ((((size - 2) // 2 - 2) // 2) - 2) // 2 - 2
        if boxes not in (1, 3) or side < 1 or not 2 <= bins <= 256:
            raise ValueError(f"boxes {boxes} must be 1 or 3, size {size} at least 38, bins {bins} 2 to 256")
        if pool not in ("mean", "gem") or activation not in ("relu", "mish6"):
            raise ValueError(f"pool {pool!r} must be mean or gem, activation {activation!r} relu or mish6")
        if heads.get("age", 1) not in (1, bins) or heads.get("age_bins", bins) != bins:
            raise ValueError(f"age has 1 output or one for each of {bins} bins, not {dict(heads)}")
        self.outputs, self.boxes = dict(heads), boxes
        self.normalise = normalise
        self.trunk = _trunk(squeeze_excite, pool, activation, first_bias)
        features = CHANNELS * side**2
        self.neck: nn.Module = Neck(boxes, features) if neck else nn.Identity()
        features = 512 if neck else boxes * features
        self.bins: Head = Cosine(features, bins) if neck else TwoPoint(features, bins)
        self.age = nn.Linear(bins, 1, bias=not neck)
        others = {task: count for task, count in heads.items() if task not in ("age", "age_bins")}
        self.heads = nn.ModuleDict({t: Cosine(features, n) if neck else Head(features, n) for t, n in others.items()})
        _initialise(self.age)

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """float RGB, 0 to 255: (n, 3, 3, size, size), boxes first, or (n, 3, size, size) with one -> each task's
        outputs (n, …) in order."""
        features = self.features(rgb)
        bins = self.bins(features)
        outputs = {task: head(features) for task, head in self.heads.items()}
        outputs |= {"age_bins": bins, "age": self.age(bins.softmax(1)) if self.outputs.get("age") == 1 else bins}
        return tuple(outputs[task] for task in self.outputs)

    def features(self, rgb: Tensor) -> Tensor:
        """Of what `forward` takes: (n, features), 512 for each box, or of unit length from the neck."""
        pictures = rgb.flatten(0, 1) if self.boxes > 1 else rgb
        maps = self.trunk(self.normalise(pictures)).flatten(1)
        features: Tensor = self.neck(maps.reshape(-1, self.boxes * maps.shape[1]))
        return features


def _trunk(squeeze_excite: bool, pool: str, activation: str, first_bias: bool) -> nn.Sequential:
    def active() -> nn.Module:
        return Mish6() if activation == "mish6" else nn.ReLU()

    def excite() -> list[nn.Module]:
        pooling = GeM() if pool == "gem" else nn.AdaptiveAvgPool2d(1)
        return [SqueezeExcite(pooling, active())] if squeeze_excite else []

    layers: list[nn.Module] = []
    for number in range(4):
        convolution = nn.Conv2d(CHANNELS if number else 3, CHANNELS, 3, bias=number > 0 or first_bias)
        layers += [convolution, nn.BatchNorm2d(CHANNELS), active()]
        layers += [nn.AvgPool2d(2)] if number < 3 else []
        layers += excite()
    return nn.Sequential(*layers, nn.Conv2d(CHANNELS, CHANNELS, 1), *excite())


def _initialise(age: nn.Linear) -> None:
    """Start as the mean of the bins: from random numbers near 0 it takes many epochs to get there."""
    with torch.no_grad():
        age.weight.copy_(BIN_YEARS * torch.arange(age.in_features))
    if age.bias is not None:
        nn.init.zeros_(age.bias)
