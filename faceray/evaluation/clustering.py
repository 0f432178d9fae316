"""How well a clustering agrees with the truth: pairs, BCubed, mutual information."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer]


@dataclass(frozen=True)
class Score:
    """Precision and recall, 0 to 1."""

    precision: float
    recall: float

    @property
    def f(self) -> float:
        """Their harmonic mean, F1."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True)
class Agreement:
    """The figures that papers on face clustering report.

    pairwise: of the pairs of items that are put together, those that belong together; of those that belong together,
        those that are put together. Large identities weigh most: they have most of the pairs.
    bcubed: the same, seen from each item and then averaged (Bagga and Baldwin, 1998), so that every item weighs alike.
    nmi: normalised mutual information, 0 to 1, by the arithmetic mean of the entropies.
    """

    pairwise: Score
    bcubed: Score
    nmi: float


def agreement(found: Integers, truth: Integers) -> Agreement:
    """Compare two partitions of the same items, (n,) each; which numbers they use does not matter.

    Where there is no pair at all to be wrong about, precision or recall is 1.

    Raises:
        ValueError: no items, or two different numbers of them.
    """
    if len(found) != len(truth) or not len(found):
        raise ValueError(f"two labels for each of the items, not {len(found)} and {len(truth)}")
    rows, columns = (np.unique(labels, return_inverse=True)[1] for labels in (found, truth))
    cells, both = np.unique(np.stack([rows, columns], 1), axis=0, return_counts=True)
    clusters, classes = np.bincount(rows), np.bincount(columns)
    in_cluster, in_class = clusters[cells[:, 0]], classes[cells[:, 1]]
    n = len(found)
    return Agreement(
        pairwise=Score(_share(_pairs(both), _pairs(clusters)), _share(_pairs(both), _pairs(classes))),
        bcubed=Score(float((both * both / in_cluster).sum() / n), float((both * both / in_class).sum() / n)),
        nmi=_nmi(both / n, in_cluster / n, in_class / n, _entropy(clusters / n), _entropy(classes / n)),
    )


def _pairs(sizes: Integers) -> int:
    return int((sizes.astype(np.int64) * (sizes - 1) // 2).sum())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _entropy(shares: NDArray[np.float64]) -> float:
    return float(-(shares * np.log(shares)).sum())


def _nmi(
    both: NDArray[np.float64], found: NDArray[np.float64], truth: NDArray[np.float64], *entropies: float
) -> float:
    information = float((both * np.log(both / (found * truth))).sum())
    mean = sum(entropies) / 2
    return min(1.0, max(0.0, information / mean)) if mean else 1.0
