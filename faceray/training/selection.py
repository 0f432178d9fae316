"""Which guesses of a network to trust: a weight for each sample from confidence, density and distribution."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import torch
from torch import Tensor

from faceray.training.density import density
from faceray.training.distribution import distribution_weights

Selector = Literal["confidence", "density", "distribution"]


@dataclass(frozen=True)
class Selection:
    """Any of the selectors; their weights are multiplied.

    Attributes:
        selectors: `confidence`: the probability of the likeliest class. `density`: how many neighbours of the same
            class a sample has, 0 to 1. `distribution`: how near its cluster is to the labelled samples.
        density_quantile: share of the pairs of a class that are neighbours.
        kernel: neighbours are counted, or weighed by a Gaussian of the distance.
        clusters: components of each Gaussian mixture. seed: of these.
    """

    selectors: tuple[Selector, ...] = ("confidence",)
    density_quantile: float = 0.6
    kernel: Literal["count", "gaussian"] = "count"
    clusters: int = 4
    seed: int = 0


def sample_weights(
    selection: Selection, logits: Tensor, features: Tensor | None = None, labelled_features: Tensor | None = None
) -> Tensor | None:
    """The weight of each guess: the product of the selectors' weights, divided by the largest.

    Args:
        logits: (n, K) of the samples whose label is missing.
        features: (n, d) of the same samples, from the layer before the task's output; for density and distribution.
        labelled_features: (m, d) of samples whose label is known; for distribution.

    Returns:
        (n,) float32, 0 to 1; None where there is no selector. All 1 where the product is 0 everywhere: then it says
        nothing about any of them.

    Raises:
        ValueError: features are missing that a selector needs.
    """
    if not selection.selectors:
        return None
    weights = torch.ones(len(logits), device=logits.device)
    if "confidence" in selection.selectors:
        weights = weights * logits.float().softmax(1).amax(1)
    if "density" in selection.selectors:
        found = density(_need(features), logits.argmax(1), selection.density_quantile, selection.kernel)
        weights = weights * found
    if "distribution" in selection.selectors:
        known = _need(labelled_features)
        weights = weights * distribution_weights(_need(features), known, selection.clusters, selection.seed)
    return _relative(weights)


def keep(weights: Tensor, quantile: float, total: int | None = None) -> Tensor:
    """The samples above a quantile: exactly ⌈(1 - quantile) n⌉ of the largest weights, the earlier of equal ones.

    The quantile counts as the decimal number that it is written as: 0.7 of 10 leaves 3, though 1 - 0.7 is a little
    more than 0.3 in floating point. Samples of weight 0 are never kept.

    Args:
        weights: (n,), not negative. total: n, where not all weights take part.

    Returns:
        (n,) bool.
    """
    count = math.ceil((1 - Fraction(str(quantile))) * (len(weights) if total is None else total))
    chosen = torch.zeros_like(weights, dtype=torch.bool)
    chosen[weights.argsort(descending=True, stable=True)[:count]] = True
    return chosen & (weights > 0)


def _relative(weights: Tensor) -> Tensor:
    largest = weights.max() if len(weights) else weights.new_tensor(0.0)
    return weights / largest if largest > 0 else torch.ones_like(weights)


def _need(features: Tensor | None) -> Tensor:
    if features is None:
        raise ValueError("density needs features, distribution needs features of labelled samples as well")
    return features
