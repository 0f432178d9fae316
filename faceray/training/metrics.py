"""Figures of a trained network on held-out samples.

Truth that is NaN is not labelled and does not count; where nothing is labelled a figure is NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def mean(values: NDArray[Any]) -> float:
    """The mean of the numbers among the values; NaN where there is none."""
    known = np.asarray(values, np.float64).ravel()
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else float("nan")


def mean_absolute_error(predicted: Floats, truth: Floats) -> float:
    """MAE: mean |y - a|. Any equal shapes."""
    return mean(np.abs(np.asarray(predicted) - truth))


def cumulative_score(predicted: Floats, truth: Floats, years: float) -> float:
    """CA(years): the share of ages that are at most so many years off, 0 to 1."""
    error = np.abs(np.asarray(predicted, np.float64) - truth)
    return mean(np.where(np.isnan(error), np.nan, error <= years))


def epsilon_error(predicted: Floats, mu: Floats, sigma: Floats) -> float:
    """ChaLearn's error of apparent age: mean 1 - exp(-(y - μ)² / (2 σ²)), 0 to 1 (Escalera et al., ICCVW 2015)."""
    return mean(1 - np.exp(-((np.asarray(predicted) - mu) ** 2) / (2 * np.asarray(sigma) ** 2)))


def accuracy(predicted: Floats, truth: Floats, off_by: int = 0) -> float:
    """The share of class numbers that are right, 0 to 1; with `off_by=1` the neighbours count too (1-off)."""
    return cumulative_score(predicted, truth, off_by)


def confusion_matrix(predicted: Floats, truth: Floats, classes: int) -> NDArray[np.int64]:
    """How often class i (row) was called j (column): (classes, classes) int64."""
    known = ~np.isnan(np.asarray(truth, np.float64))
    pairs = np.asarray(truth)[known].astype(np.int64) * classes + np.asarray(predicted)[known].astype(np.int64)
    counts: NDArray[np.int64] = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    return counts


def f1_scores(confusion: NDArray[np.integer]) -> NDArray[np.float64]:
    """F1 = 2 TP / (2 TP + FP + FN) of each class: (classes,); NaN for one that neither is nor was called."""
    hits = np.diag(confusion).astype(np.float64)
    total = (confusion.sum(axis=0) + confusion.sum(axis=1)).astype(np.float64)
    scores: NDArray[np.float64] = np.divide(2 * hits, total, out=np.full_like(hits, np.nan), where=total > 0)
    return scores


def binary_scores(probability: Floats, truth: Floats, threshold: float = 0.5) -> dict[str, float]:
    """accuracy, precision, recall, f1 and auc of yes-or-no answers, over all entries of any equal shapes.

    The area under the ROC curve is the Mann-Whitney statistic: the chance that a yes scores above a no, a tie half.
    What divides by 0 is NaN: precision without a yes called, recall without a yes.
    """
    t = np.asarray(truth, np.float64).ravel()
    p, t = np.asarray(probability, np.float64).ravel()[~np.isnan(t)], t[~np.isnan(t)]
    called, is_yes = p > threshold, t > 0.5
    hits = int((called & is_yes).sum())
    return {
        "accuracy": mean(called == is_yes),
        "precision": mean(is_yes[called]),
        "recall": mean(called[is_yes]),
        "f1": 2 * hits / (called.sum() + is_yes.sum()) if called.any() or is_yes.any() else float("nan"),
        "auc": _auc(p[is_yes], p[~is_yes]),
    }


def normalised_mean_error(predicted: Floats, truth: Floats, size: Floats) -> NDArray[np.float64]:
    """NME of each face: mean distance of its visible landmarks over its size, √(w h) of the box for AFLW.

    Args:
        predicted, truth: (n, k, 2) pixels; NaN in the truth of what cannot be seen. size: (n,) pixels.

    Returns:
        (n,); NaN for a face without visible landmarks. `mean` of it is the set's.
    """
    distance = np.linalg.norm(np.asarray(predicted, np.float64) - truth, axis=2)
    return np.array([mean(row) for row in distance]) / size


def pose_error(predicted: Floats, truth: Floats) -> NDArray[np.float64]:
    """Mean absolute error of each angle in degrees, the short way round: (n, 3), (n, 3) -> (3,)."""
    turn = (np.asarray(predicted, np.float64) - truth + 180) % 360 - 180
    return np.array([mean(column) for column in np.abs(turn).T])


def mean_by_group(values: Floats, group: Floats, groups: int) -> NDArray[np.float64]:
    """Mean of the values in each group, as age error by decade: (n,), (n,) numbers -> (groups,), NaN if empty."""
    return np.array([mean(np.asarray(values)[np.asarray(group) == g]) for g in range(groups)])


def _auc(yes: Floats, no: Floats) -> float:
    if len(yes) == 0 or len(no) == 0:
        return float("nan")
    ordered = np.sort(no)
    below = np.searchsorted(ordered, yes, "left") + np.searchsorted(ordered, yes, "right")
    return float(below.mean() / 2 / len(no))
