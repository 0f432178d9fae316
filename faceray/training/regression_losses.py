"""Losses of numbers, sample by sample: ages, landmarks, visibility, pose. Averaged by `losses.masked`."""

from dataclasses import dataclass

import torch
from torch import Tensor


def absolute_error(output: Tensor, target: Tensor) -> Tensor:
    """|y - a|, the mean over the numbers of a sample: (n, …), (n, …) -> (n,)."""
    return _per_sample(_difference(output, target).abs())


def squared_error(output: Tensor, target: Tensor) -> Tensor:
    """(y - a)², the mean over the numbers of a sample: (n, …), (n, …) -> (n,).

    For roll, pitch and yaw this is the pose loss of HyperFace (Ranjan et al., PAMI 2019, eq. 4). Original 0 trains its
    pose output on face or not.
    """
    return _per_sample(_difference(output, target).square())


@dataclass(frozen=True)
class GaussianL2:
    """The age loss of All-in-One: (1 - λ) (y - a)² / 2 + λ (1 - exp(-(y - a)² / (2 σ²))).

    Ranjan et al., "An all-in-one convolutional neural network for face analysis", FG 2017. λ (`gaussian`) goes from 0
    to 1 while training, see `schedules.gaussian_share`; original 0 leaves it at 0 for ever. σ in years, squared here,
    which original 0 forgets; data sets of apparent ages have one for each sample.
    """

    gaussian: float = 0.0
    sigma: float = 3.0

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """(n,) or (n, 1) years, (n,) years or (n, 2) years and σ -> (n,)."""
        age, sigma = (target[:, 0], target[:, 1]) if target.ndim == 2 else (target, target.new_tensor(self.sigma))
        square = _difference(output, age).square()
        bounded = 1 - torch.exp(-square / (2 * sigma.clamp(min=0.1) ** 2))
        return (1 - self.gaussian) * 0.5 * square + self.gaussian * bounded


@dataclass(frozen=True)
class DeadZone:
    """max((y - a)² - m², 0): errors up to m years are free. Original 0's unused `age_margin_mse`, m = 1.5."""

    margin: float = 1.5

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """(n,) or (n, 1) years, (n,) years -> (n,)."""
        return _per_sample((_difference(output, target).square() - self.margin**2).clamp(min=0))


def relative_squared_error(output: Tensor, target: Tensor) -> Tensor:
    """(y - a)² / √max(a, 1): (n,) or (n, 1) years, (n,) years -> (n,). Original 0's unused `relative_mse`, which was
    infinite for the newborn."""
    return _per_sample(_difference(output, target).square() / target.clamp(min=1).sqrt())


def landmark_error(output: Tensor, target: Tensor) -> Tensor:
    """1 / (2 k) Σ_i v_i [(x_i - a_i)² + (y_i - b_i)²]: landmarks count as far as they are visible.

    Ranjan et al., "HyperFace", PAMI 2019, eq. 2.

    Args:
        output: (n, 2 k), x and y in turns, relative to the region.
        target: (n, k, 3): a, b, v as from `landmarks.normalise`.

    Returns:
        (n,).
    """
    points = output.reshape(len(target), -1, 2)
    square = _difference(points, target[..., :2]).square().sum(2)
    return (target[..., 2] * square).mean(1) / 2


def visibility_error(output: Tensor, target: Tensor) -> Tensor:
    """1 / k Σ_i (v̂_i - v_i)²: (n, k), and (n, k, 3) as from `landmarks.normalise` -> (n,). HyperFace, eq. 3."""
    return squared_error(output, target[..., 2])


def _difference(output: Tensor, target: Tensor) -> Tensor:
    return output.reshape(target.shape) - target  # (n, 1) - (n,) would be (n, n)


def _per_sample(values: Tensor) -> Tensor:
    return values.flatten(1).mean(1) if values.ndim > 1 else values
