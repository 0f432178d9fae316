"""The upper tail of impostor scores, and how high the highest of many comparisons gets (peaks over threshold).

Scores over a high level follow a generalised Pareto distribution (Pickands, Ann. Statist. 3, 1975; Coles, An
Introduction to Statistical Modeling of Extreme Values, 2001, chapter 4). A search of n entries finds none above t with
probability exp(-together * n * P(score > t)): `together` is the extremal index, 1 for independent comparisons and less
where some probes resemble many entries at once (Northrop, Extremes 18, 2015).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

Floats = NDArray[np.floating]
_STEEPEST = 1e-3  # how near the end of the distribution may come to the highest score, as a part of it


@dataclass(frozen=True)
class Tail:
    """Scores of different people, above a level.

    Args:
        level: where the tail begins; nothing is known of lower scores.
        rate: part of all comparisons that score above the level.
        shape: of the generalised Pareto distribution; negative where scores have an upper end.
        scale: of it; positive.
        together: extremal index, 0 to 1.
    """

    level: float
    rate: float
    shape: float
    scale: float
    together: float = 1.0

    def above(self, score: float | Floats) -> Floats:
        """Part of the comparisons that reach a score; that of the level for lower ones."""
        return self.rate * np.exp(self._log_survival(score))

    def density(self, score: float | Floats) -> Floats:
        """Part of the comparisons per unit of score; below the level it goes on rising as steeply as it does there."""
        stretched = self._stretched(score)
        below = np.maximum(self.level - np.asarray(score), 0) * (1 + self.shape) / self.scale
        with np.errstate(divide="ignore"):
            height = self.above(score) * np.exp(np.minimum(below, 500)) / (self.scale * np.maximum(stretched, 1e-300))
        return np.where(stretched > 0, height, 0.0)

    def exceeded(self, score: float | Floats, comparisons: float) -> Floats:
        """Probability that the highest of so many comparisons with other people reaches a score."""
        return np.asarray(-np.expm1(-self.together * comparisons * self.above(score)))

    def _stretched(self, score: float | Floats) -> Floats:
        return np.maximum(1 + self.shape * np.maximum(np.asarray(score) - self.level, 0) / self.scale, 0.0)

    def _log_survival(self, score: float | Floats) -> Floats:
        if abs(self.shape) < 1e-8:
            return -np.maximum(np.asarray(score) - self.level, 0) / self.scale
        with np.errstate(divide="ignore"):
            return -np.log(self._stretched(score)) / self.shape


def fit_tail(scores: Floats, weights: Floats, level: float, comparisons: float) -> Tail:
    """Maximum likelihood, by its profile over shape / scale: one dimension (Grimshaw, Technometrics 35, 1993).

    Args:
        scores: (n,) all those above `level`.
        weights: (n,) how often each one counts.
        comparisons: that these scores are the highest of, counted with the same weights.

    Raises:
        ValueError: there are not two different scores.
    """
    over, weights = scores[weights > 0].astype(np.float64) - level, weights[weights > 0]
    if len(over) < 2 or np.ptp(over) == 0:
        raise ValueError("a tail needs two different scores")
    top, total = over.max(), weights.sum()
    mean = float((weights * over).sum() / total)

    def shape(x: float) -> float:
        return float((weights * np.log1p(x * over / top)).sum() / total)

    def cost(x: float) -> float:
        return float(np.log(shape(x) * top / x) + shape(x)) if abs(x) > 1e-9 else float(np.log(mean))

    grid = np.concatenate([np.geomspace(_STEEPEST, 0.95, 30) - 1, np.geomspace(_STEEPEST, 100, 40)])
    best = int(np.argmin([cost(x) for x in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    x = float(minimize_scalar(cost, bounds=bounds, method="bounded").x)
    found = (shape(x), float(shape(x) * top / x)) if abs(x) > 1e-9 else (0.0, mean)
    return Tail(level, float(total / comparisons), *found)


def extremal_index(highest: Floats, weights: Floats, comparisons: Floats, tail: Tail, part: float) -> float:
    """How many of a probe's comparisons count as independent, for each one: the semiparametric estimate of Northrop
    (2015), from the `part` of the probes that scored highest against other people.

    Args:
        highest: (p,) each probe's highest score; below the level where it has none above.
        weights: (p,) how often each probe counts.
        comparisons: (p,) that it is the highest of.
    """
    expected = -comparisons * np.log1p(-np.minimum(tail.above(highest), 1 - 1e-12))  # exponential with rate `together`
    known = np.where(highest > tail.level, expected, np.inf)
    limit = min(float(np.quantile(expected, part)), float((-comparisons * np.log1p(-tail.rate)).min()))
    found = float((weights * (known < limit)).sum())
    return min(1.0, found / float((weights * np.minimum(known, limit)).sum())) if found and limit > 0 else 1.0
