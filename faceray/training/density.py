"""How densely a sample is surrounded by others of its class, after CurriculumNet."""

from typing import Literal

import torch
from torch import Tensor


def density(
    features: Tensor,
    classes: Tensor,
    quantile: float = 0.6,
    kernel: Literal["count", "gaussian"] = "count",
    block: int = 1024,
    sample: int = 2000,
) -> Tensor:
    """Density of each sample within its class, scaled to 0 to 1 there.

    Guo et al., "CurriculumNet", ECCV 2018: the neighbours of a sample are those nearer than the given quantile of all
    distances in the class; the density is their number, or with `gaussian` Σ_j exp(-(d_ij / d_max)² / 2). The least
    dense sample of a class gets 0; a class whose samples are all alike, or that has one only, gets 1. Distances are
    taken block by block, never as one n x n matrix; original 1 kept its last block only.

    Args:
        features: (n, d). classes: (n,) integers.
        block: rows of distances held at once.
        sample: the quantile is over the pairs of at most so many samples of a class, evenly spaced.

    Returns:
        (n,) float32.
    """
    weights = torch.ones(len(features), device=features.device)
    for label in sorted(set(classes.tolist())):
        members = classes == label
        weights[members] = _scaled(_raw(features[members].double(), quantile, kernel, block, sample)).float()
    return weights


def _raw(x: Tensor, quantile: float, kernel: str, block: int, sample: int) -> Tensor:
    if len(x) < 2:
        return torch.zeros(len(x), dtype=x.dtype, device=x.device)
    x = x - x.mean(0)  # a common offset would cost digits
    some = x[torch.linspace(0, len(x) - 1, min(len(x), sample), device=x.device).round().long()]
    pairs = torch.pdist(some)
    near = pairs.kthvalue(min(int(quantile * len(pairs)), len(pairs) - 1) + 1).values
    far = pairs.max().clamp(min=1e-12)
    rows = []
    for part in (x[start : start + block] for start in range(0, len(x), block)):
        distance = torch.cdist(part, x)
        if kernel == "gaussian":
            rows.append(torch.exp(-((distance / far) ** 2) / 2).sum(1))
        else:
            rows.append((distance < near * (1 - 1e-9)).sum(1).to(x.dtype))  # equal ones may differ by rounding
    return torch.cat(rows)


def _scaled(raw: Tensor) -> Tensor:
    low, high = raw.min(), raw.max()
    if high - low <= 1e-9 * high.abs():
        return torch.ones_like(raw)
    return (raw - low) / (high - low)
