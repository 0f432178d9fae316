"""Face verification as on Labelled Faces in the Wild, View 2 (Huang et al., 2007): same person, or not?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceray.datasets.pairs import Pairs

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Roc:
    """Receiver operating characteristic; each array is (points,), from no pair accepted to all of them.

    threshold: descending; a pair is accepted from this score on.
    far: false accept rate, the part of pairs of different people that is accepted.
    tar: true accept rate, the part of pairs of one person that is accepted.
    """

    threshold: Floats
    far: Floats
    tar: Floats

    @property
    def auc(self) -> float:
        """Area under the curve: how often a pair of one person scores above one of two people (ties count half)."""
        return float(np.trapezoid(self.tar, self.far))

    @property
    def eer(self) -> float:
        """Equal error rate: where the false accept rate equals the false reject rate, between points on a line."""
        excess = self.far + self.tar - 1  # rises from -1 to 1
        return float(np.interp(0, excess, self.far))

    def tar_at(self, far: float) -> float:
        """The highest true accept rate whose false accept rate is at most `far`."""
        return float(self.tar[self.far <= far].max())


@dataclass(frozen=True)
class Verification:
    """The result. Accuracies are parts of 1, one for each fold, with the threshold that is best for all other folds.

    A pair with a missing embedding is scored as different people, at every threshold.
    """

    accuracies: Floats
    thresholds: Floats
    roc: Roc
    pairs: int
    pairs_missing: int

    @property
    def accuracy(self) -> float:
        """Mean over the folds."""
        return float(self.accuracies.mean())

    @property
    def accuracy_std(self) -> float:
        """Standard deviation over the folds (divided by their number, not by one less)."""
        return float(self.accuracies.std())


def cosine_scores(embeddings: Mapping[str, Floats], pairs: Pairs) -> NDArray[np.float64]:
    """Cosine similarity of each pair, (n,): -1 to 1, and -inf where an embedding is absent, zero or not finite.

    Args:
        embeddings: by photo, as `Pairs` names it; vectors of one length, not necessarily of unit norm.
    """
    units = {name: _unit(embeddings[name]) for name in {*pairs.first, *pairs.second} if name in embeddings}

    def score(first: str, second: str) -> float:
        return float(units[first] @ units[second]) if first in units and second in units else np.nan

    scores = np.array([score(*pair) for pair in zip(pairs.first, pairs.second, strict=True)])
    return np.where(np.isfinite(scores), scores, -np.inf)


def _unit(vector: Floats) -> NDArray[np.float64]:
    """The vector divided by its length; not finite where that is impossible."""
    with np.errstate(all="ignore"):
        return np.asarray(vector, np.float64) / np.linalg.norm(vector)


def verify(scores: Floats, pairs: Pairs) -> Verification:
    """Cross-validated accuracy and the ROC curve of all pairs together.

    Args:
        scores: (n,), higher for more alike, in the order of `pairs`; -inf for a pair that cannot be compared.

    Raises:
        ValueError: a score is NaN or +inf, or there are not two folds at least.
    """
    scores = np.asarray(scores, np.float64)
    if not (scores < np.inf).all():
        raise ValueError("scores must be numbers, or -inf for a pair that cannot be compared")
    folds = np.unique(pairs.fold)
    if len(folds) < 2:
        raise ValueError("the threshold of a fold comes from the other folds: two at least")
    thresholds = np.array([best_threshold(scores[pairs.fold != k], pairs.same[pairs.fold != k]) for k in folds])
    right = (scores >= thresholds[np.searchsorted(folds, pairs.fold)]) == pairs.same
    accuracies = np.array([right[pairs.fold == k].mean() for k in folds])
    return Verification(accuracies, thresholds, roc(scores, pairs.same), len(scores), int(np.isneginf(scores).sum()))


def best_threshold(scores: Floats, same: NDArray[np.bool_]) -> float:
    """The threshold that decides most pairs rightly; of several equally good ones that in the middle.

    Candidates lie halfway between neighbouring scores; +inf, which accepts nothing, is one more.
    """
    values = np.unique(scores[np.isfinite(scores)])
    candidates = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, [np.inf]])
    accepted_same = same.sum() - np.searchsorted(np.sort(scores[same]), candidates)
    rejected_different = np.searchsorted(np.sort(scores[~same]), candidates)
    right = accepted_same + rejected_different
    best = np.flatnonzero(right == right.max())
    return float(candidates[best[len(best) // 2]])


def roc(scores: Floats, same: NDArray[np.bool_]) -> Roc:
    """The ROC curve of scores (n,), -inf for a pair that no threshold accepts, and their truth (n,).

    Raises:
        ValueError: not both kinds of pairs are there.
    """
    if same.all() or not same.any():
        raise ValueError("a ROC curve needs pairs of one person and pairs of two")
    finite = np.unique(scores[np.isfinite(scores)])[::-1]

    def accepted(part: Floats) -> Floats:
        rate = 1 - np.searchsorted(np.sort(part), finite) / len(part)
        return np.concatenate([[0.0], rate, [1.0]])

    return Roc(np.concatenate([[np.inf], finite, [-np.inf]]), accepted(scores[~same]), accepted(scores[same]))
