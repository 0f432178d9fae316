"""SSR-Net: age from three small classifiers, each refining the one before (Yang et al., IJCAI 2018)."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

AGE_RANGE = 101.0  # years
STEEPNESS = 10.0  # logits for one unit of a binary regression


def soft_stagewise(ratios: Sequence[Tensor], shifts: Sequence[Tensor], stretches: Sequence[Tensor]) -> Tensor:
    """Soft stagewise regression (equations 4 to 7, λ = 1): stage k splits a bin of stage k - 1 into s_k.

    Args:
        ratios: of each stage, how much each of its bins counts, (n, s_k), 0 or more.
        shifts: of each stage, by how many bins each is moved, (n, s_k), -1 to 1.
        stretches: of each stage, by how much its bins become narrower, (n, 1), above -1.

    Returns:
        (n, 1), as a share of the whole range: about 0 to 1.
    """
    value, width = torch.zeros_like(stretches[0]), torch.ones_like(stretches[0])
    for ratio, shift, stretch in zip(ratios, shifts, stretches, strict=True):
        bins = ratio.shape[1]
        width = width / (bins * (1 + stretch).clamp_min(1e-2))  # a stretch of -1 would divide by zero
        places = torch.arange(bins, dtype=ratio.dtype, device=ratio.device) + shift
        value = value + width * (ratio * places).sum(1, keepdim=True)
    return value


def _stream(channels: int, activation: type[nn.Module]) -> nn.ModuleList:
    """Four 3x3 convolutions."""
    return nn.ModuleList(
        nn.Sequential(nn.Conv2d(inputs, channels, 3), nn.BatchNorm2d(channels), activation())
        for inputs in (3, channels, channels, channels)
    )


class Stage(nn.Module):
    """One classifier: what both streams see at one depth, multiplied.

    Args:
        side: of the streams' maps. pool: by how much they are made smaller first. bins: of this stage.
    """

    def __init__(self, side: int, pool: int, bins: int) -> None:
        super().__init__()
        places = 10 * (side // pool) ** 2
        self.relu = nn.Sequential(nn.Conv2d(32, 10, 1), nn.ReLU(), nn.AvgPool2d(pool), nn.Flatten())
        self.tanh = nn.Sequential(nn.Conv2d(16, 10, 1), nn.ReLU(), nn.MaxPool2d(pool), nn.Flatten())
        self.relu_mix = nn.Sequential(nn.Dropout(0.2), nn.Linear(places, bins), nn.ReLU())
        self.tanh_mix = nn.Sequential(nn.Dropout(0.2), nn.Linear(places, bins), nn.ReLU())
        self.mix = nn.Sequential(nn.Linear(bins, 2 * bins), nn.ReLU())
        self.ratio = nn.Sequential(nn.Linear(2 * bins, bins), nn.ReLU())
        self.shift = nn.Sequential(nn.Linear(2 * bins, bins), nn.Tanh())
        self.stretch = nn.Sequential(nn.Linear(places, 1), nn.Tanh())

    def forward(self, relu: Tensor, tanh: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, 32, side, side), (n, 16, side, side) -> ratios and shifts (n, bins), stretch (n, 1)."""
        x, s = self.relu(relu), self.tanh(tanh)
        mixed = self.mix(self.relu_mix(x) * self.tanh_mix(s))
        return self.ratio(mixed), self.shift(mixed), self.stretch(x * s)


class SSRNet(nn.Module):
    """Two thin streams (ReLU and average pooling, tanh and maximum pooling), and three stages for each task.

    For age alone 40,531 parameters, 40,915 with the batch norms' statistics. `age` is a regression over 0 to 101
    years. Any other task is a yes or no, a regression over 0 to 1: its logits are steep around one half, so that
    rounding the regression and thresholding the probability decide alike, and any loss on logits can train it.

    Args:
        heads: task -> number of outputs: 1 for age; 1 (logit of "yes") or 2 (logits of "no" and "yes") for others.
        size: side of the input in pixels, 64 in the paper.
        normalise: what is done to the pixels first. The paper: nothing (mean 0, std 1).
        bins: of the three stages.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self, heads: Mapping[str, int], size: int, normalise: nn.Module, bins: Sequence[int] = (3, 3, 3)
    ) -> None:
        super().__init__()
        wrong = [task for task, outputs in heads.items() if outputs not in ((1,) if task == "age" else (1, 2))]
        if wrong or len(bins) != 3 or not all(2 <= b <= 16 for b in bins):
            raise ValueError(f"SSR-Net has 1 output for age, 1 or 2 for yes or no, not {dict(heads)}; bins {bins}")
        sides = [size - 2]
        for _ in range(3):
            sides.append(sides[-1] // 2 - 2)
        depths = ((sides[3], 1), (sides[1] // 2, 4), (sides[0] // 2, 8))
        if any(side < pool for side, pool in depths):
            raise ValueError(f"pictures of {size} pixels are too small")
        self.outputs = dict(heads)
        self.normalise = normalise
        self.relu = _stream(32, nn.ReLU)
        self.tanh = _stream(16, nn.Tanh)
        self.heads = nn.ModuleDict(
            {task: nn.ModuleList(Stage(*depth, b) for depth, b in zip(depths, bins, strict=True)) for task in heads}
        )
        self.apply(_initialise)

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """(n, 3, size, size) float RGB, 0 to 255 -> age in years (n, 1), logits of other tasks (n, 1 or 2)."""
        pixels = self.normalise(rgb)
        relu, tanh = _depths(self.relu, pixels, F.avg_pool2d), _depths(self.tanh, pixels, F.max_pool2d)
        return tuple(self._task(task, relu, tanh) for task in self.outputs)

    def _task(self, task: str, relu: list[Tensor], tanh: list[Tensor]) -> Tensor:
        stages = self.heads[task]
        assert isinstance(stages, nn.ModuleList)
        parts = [stage(x, s) for stage, x, s in zip(stages, relu, tanh, strict=True)]
        value = soft_stagewise(*([part[i] for part in parts] for i in range(3)))
        if task == "age":
            return AGE_RANGE * value
        logit = STEEPNESS * (value - 0.5)
        return logit if self.outputs[task] == 1 else torch.cat([-logit, logit], 1) / 2


def _depths(stream: nn.ModuleList, x: Tensor, pool: Callable[[Tensor, int], Tensor]) -> list[Tensor]:
    """What the stages look at: the end of a stream, and its second and its first block, all but the end pooled."""
    pooled = []
    for block in list(stream)[:3]:
        x = pool(block(x), 2)
        pooled.append(x)
    return [stream[3](x), pooled[1], pooled[0]]


def _initialise(layer: nn.Module) -> None:
    """As Keras does: with torch's smaller weights the products of the streams start too near to zero."""
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
