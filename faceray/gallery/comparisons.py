"""Searches of which it is known who is on the photos, or that nobody knows: what thresholds are calibrated with."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Comparisons:
    """Probes and their candidates, none of them the probe itself.

    People have numbers from 0 on. Somebody whom nobody has named has a negative number, another one for each face.

    scores: (p, k) descending, -inf where there are fewer candidates.
    people: (p, k) who the candidates are.
    probe_people: (p,) who the probes are.
    floor: (p,) the list of candidates is complete above this score.
    compared: (p,) entries of other people that each probe was compared with; of anybody where nobody is named.
    """

    scores: Floats
    people: Integers
    probe_people: Integers
    floor: Floats
    compared: Floats

    @staticmethod
    def of(
        scores: Floats,
        people: Integers,
        itself: NDArray[np.bool_],
        probe_people: Integers,
        entries: int,
        named_entries: int,
    ) -> "Comparisons":
        """From what a search found. If some probes are named, the others are left out.

        Args:
            scores: (p, k) descending, -inf where nothing was found.
            people: (p, k) numbers of the candidates' people.
            itself: (p, k) whether a candidate is the probe's own face.
            probe_people: (p,) numbers of the probes' people.
            entries: faces of the gallery. named_entries: those with a name, about.
        """
        floor = scores[:, -1] if scores.shape[1] < entries else np.full(len(scores), -np.inf)
        named = bool((probe_people >= 0).any())
        mates = ((people == probe_people[:, None]) & (people >= 0) & ~itself).sum(axis=1)
        compared = (named_entries if named else entries) - mates - itself.any(axis=1)
        every = Comparisons(np.where(itself, -np.inf, scores), people, probe_people, floor, compared.astype(float))
        return every.take(np.flatnonzero(probe_people >= 0)) if named else every

    @property
    def named(self) -> bool:
        """Whether it is known who is who."""
        return bool((self.probe_people >= 0).any())

    def mates(self) -> Floats:
        """(p, k) scores of entries that show the probe's person, -inf elsewhere."""
        return np.where(self._same, self.scores, -np.inf)

    def impostors(self) -> Floats:
        """(p, k) scores of other people, -inf elsewhere; of anybody where nobody is named."""
        return np.where(self._other, self.scores, -np.inf)

    def among(self, people: Integers) -> "Comparisons":
        """Only these people, as probes and as candidates."""
        kept, inside = np.isin(self.probe_people, people), np.isin(self.people, people)
        share = (self._other & inside).sum() / max(1, self._other.sum())
        scores = np.where(inside, self.scores, -np.inf)
        compared = self.compared * share
        return Comparisons(scores, self.people, self.probe_people, self.floor, compared).take(np.flatnonzero(kept))

    def take(self, probes: Integers) -> "Comparisons":
        """Some of the probes."""
        return replace(self, **{name: getattr(self, name)[probes] for name in self.__dataclass_fields__})

    @property
    def _same(self) -> NDArray[np.bool_]:
        same = (self.people == self.probe_people[:, None]) & (self.people >= 0) & np.isfinite(self.scores)
        return np.asarray(same)

    @property
    def _other(self) -> NDArray[np.bool_]:
        known = (self.people >= 0) | (not self.named)
        return np.asarray(known & np.isfinite(self.scores) & ~self._same)
