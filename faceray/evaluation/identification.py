"""Face identification, open set: which of the people in a gallery is it, if any? (ISO/IEC 19795-1, NIST FRTE 1:N)"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]


@dataclass(frozen=True)
class Det:
    """Detection error trade-off; each array is (points,), from the strictest threshold to none at all.

    threshold: descending; a candidate is accepted from this score on.
    fpir: part of the probes without a mate for which a candidate is accepted.
    fnir: part of the probes with a mate for which the mate is not accepted.
    """

    threshold: Floats
    fpir: Floats
    fnir: Floats


@dataclass(frozen=True)
class Identification:
    """What searches gave. A mate is an entry of the gallery that shows the person of the probe.

    mate_scores: (m,) for each probe with a mate in the gallery, its mate's score; the best one of several, -inf where
        none was among the candidates.
    mate_ranks: (m,) the mate's place among the candidates, 1 the first; 0 where it was not among them.
    impostor_scores: (i,) for each probe without a mate in the gallery, its first candidate's score, -inf without one.
    """

    mate_scores: Floats
    mate_ranks: Integers
    impostor_scores: Floats

    @property
    def rank1(self) -> float:
        """Part of the probes with a mate whose first candidate is their mate."""
        return float(self.cmc(1)[0])

    def cmc(self, ranks: int) -> Floats:
        """Cumulative match characteristic, (ranks,): the part whose mate is among the first 1, 2, … candidates."""
        hits = np.bincount(self.mate_ranks[self.mate_ranks > 0], minlength=ranks + 1)[1 : ranks + 1]
        return np.cumsum(hits) / len(self.mate_ranks)

    def fpir(self, threshold: float | Floats) -> Floats:
        """False positive identification rate at thresholds of any shape."""
        return _at_least(self.impostor_scores, threshold)

    def fnir(self, threshold: float | Floats, rank: int | None = None) -> Floats:
        """False negative identification rate at thresholds of any shape.

        Args:
            rank: the mate must also be among so many first candidates; any place will do if not given.
        """
        in_time = self.mate_ranks <= rank if rank else True
        return 1 - _at_least(np.where(in_time, self.mate_scores, -np.inf), threshold)

    def threshold_at(self, fpir: float) -> float:
        """The lowest threshold of this very data whose false positive identification rate is at most `fpir`."""
        allowed = int(np.floor(fpir * len(self.impostor_scores) + 1e-9))
        highest = np.sort(self.impostor_scores)[::-1]
        return float(np.nextafter(highest[allowed], np.inf)) if allowed < len(highest) else float(-np.inf)

    def fnir_at(self, fpir: float) -> float:
        """The false negative identification rate where the false positive one is at most `fpir`."""
        return float(self.fnir(self.threshold_at(fpir)))

    def det(self) -> Det:
        """The curve over all thresholds."""
        scores = np.concatenate([self.mate_scores, self.impostor_scores])
        thresholds = np.concatenate([[np.inf], np.unique(scores[np.isfinite(scores)])[::-1]])
        return Det(thresholds, self.fpir(thresholds), self.fnir(thresholds))


def judge(
    scores: Floats, identities: NDArray[np.object_], truth: NDArray[np.object_], mated: NDArray[np.bool_]
) -> Identification:
    """Compare candidates with the truth.

    Args:
        scores: (n, k) of the candidates of n probes, descending; -inf where there are fewer.
        identities: (n, k) of the candidates, None where unknown or where there is no candidate.
        truth: (n,) identities of the probes.
        mated: (n,) whether the gallery has an entry of that identity.

    Raises:
        ValueError: there are not both kinds of probes.
    """
    if mated.all() or not mated.any():
        raise ValueError("identification needs probes with a mate in the gallery, and probes without")
    hit = (identities == truth[:, None]) & np.isfinite(scores)
    first = hit.argmax(axis=1)
    found = hit.any(axis=1)
    best = np.where(found, scores[np.arange(len(scores)), first], -np.inf)
    return Identification(best[mated], np.where(found, first + 1, 0)[mated], scores[~mated, 0])


def _at_least(scores: Floats, threshold: float | Floats) -> Floats:
    """The part of scores that reach each threshold."""
    return np.asarray(1 - np.searchsorted(np.sort(scores), threshold, side="left") / len(scores))
