"""Which score is enough, and what it says: measured on a gallery's own faces, for any size that it grows to."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.gallery.comparisons import Comparisons
from faceray.gallery.fitting import SCORES, counted, density, exceedances, hold_out, solve
from faceray.gallery.tail import Tail
from faceray.typed_json import read

Floats = NDArray[np.floating]
FPIR = 0.01
_RESAMPLED = 50
_SPLITS = 10


@dataclass(frozen=True)
class Check:
    """A threshold from one part of the people, tried on others.

    Args:
        asked: false positive identification rate that the threshold was made for.
        measured: what it was among the others, mean over the splits. spread: its standard deviation over the splits.
        grown: the others' gallery was so many times as large as the one that the threshold was made with.
        splits: of the people.
    """

    asked: float
    measured: float
    spread: float
    grown: float
    splits: int


@dataclass(frozen=True)
class Calibration:
    """Everything that decisions are made from.

    Args:
        source: of the impostor scores: `identities`, pairs of faces with different names; `mixture`, all pairs, from
            which those of one person were told apart by their scores.
        probes: faces that were searched for. people: different ones among them; 0 where nobody is named.
        faces: of the gallery that they were searched in.
        tail: the best fit. resampled: fits to the same people drawn again with replacement.
        genuine: density of the scores of one person's pairs at SCORES; empty where too few are known.
        mates: probes that had an entry of the same person among their candidates.
        counted: threshold at `faces` and a rate of 1 % without any model, None where probes are too few for that.
        checks: by hold-out; none where nobody is named.
    """

    source: Literal["identities", "mixture"]
    probes: int
    people: int
    faces: int
    tail: Tail
    resampled: tuple[Tail, ...]
    genuine: tuple[float, ...]
    mates: int
    counted: float | None
    checks: tuple[Check, ...]

    def fpir(self, threshold: float | Floats, faces: int) -> Floats:
        """Expected false positive identification rate in a gallery of so many faces; what the fits say on average.

        A threshold below the tail's level counts as the level.
        """
        return np.asarray(np.mean([tail.exceeded(threshold, faces) for tail in self.resampled], axis=0))

    def fpir_range(self, threshold: float, faces: int) -> tuple[float, float]:
        """What nine of ten fits say."""
        low, high = np.quantile([tail.exceeded(threshold, faces) for tail in self.resampled], [0.05, 0.95])
        return float(low), float(high)

    def threshold(self, faces: int, fpir: float = 0.01) -> float:
        """The score that a face of somebody who is not in a gallery of so many faces reaches with probability `fpir`.

        At least the tail's level, and at most 1, which only equal embeddings reach.
        """
        return solve(self.resampled, faces, fpir)

    def odds(self, scores: Floats, faces: int, prior: float = 0.5) -> Floats:
        """For each score: how often a search finds the probe's person with it, against how often somebody else. NaN
        where the scores of one person's pairs are not known. A higher score never has lower odds.

        The ratio of two densities, as in local false discovery rates (Efron, Large-Scale Inference, 2010).

        Args:
            scores: cosine similarities of any shape; -inf gives 0.
            faces: of the gallery.
            prior: probability that the person is in the gallery, before looking.
        """
        if not self.genuine:
            return np.full(np.shape(scores), np.nan)
        impostors = faces * np.mean([tail.density(SCORES) for tail in self.resampled], axis=0)
        ratio = np.maximum.accumulate(prior * self._genuine / np.maximum(impostors, 1e-12))
        return np.where(np.isfinite(scores), np.interp(scores, SCORES, ratio), 0.0)

    def missed(self, threshold: float | Floats) -> Floats:
        """Part of the pairs of one person that score below a threshold; NaN where nothing is known of them."""
        if not self.genuine:
            return np.full(np.shape(threshold), np.nan)
        step = SCORES[1] - SCORES[0]
        below = np.concatenate([[0.0], np.cumsum(self._genuine)]) * step
        return np.asarray(np.interp(threshold, np.append(SCORES, 1 + step) - step / 2, np.minimum(below, 1.0)))

    @cached_property
    def _genuine(self) -> Floats:
        return np.array(self.genuine)

    def to_json(self) -> dict[str, Any]:
        """For `gallery.json`."""
        return asdict(self)

    @staticmethod
    def from_json(value: dict[str, Any]) -> "Calibration":
        """Back from `gallery.json`.

        Raises:
            UserError: it is not a calibration of this version.
        """
        try:
            calibration: Calibration = read(Calibration, value)
        except TypeError as error:
            raise UserError(f"the gallery's calibration cannot be read ({error}): calibrate again") from error
        return calibration


def calibrate(comparisons: Comparisons, faces: int, seed: int = 0) -> Calibration:
    """Fit the tail of impostor scores, check it, and describe genuine scores.

    Args:
        comparisons: of faces of the gallery, or of probes like those to come, with the gallery.
        faces: of the gallery.

    Raises:
        ValueError: there are too few probes, or their scores do not tell.
    """
    named, random = comparisons.named, np.random.default_rng(seed)
    found = exceedances(comparisons)
    mates = comparisons.mates().max(axis=1)
    mates = mates[np.isfinite(mates)]
    return Calibration(
        source="identities" if named else "mixture",
        probes=len(comparisons.scores),
        people=len(np.unique(comparisons.probe_people)) if named else 0,
        faces=faces,
        tail=found.tail(),
        resampled=found.resampled(_RESAMPLED, random),
        genuine=density(mates) if named else found.genuine,
        mates=len(mates),
        counted=counted(comparisons, FPIR) if named else None,
        checks=tuple(_checks(comparisons, random)) if named else (),
    )


def _checks(comparisons: Comparisons, random: np.random.Generator) -> Iterator[Check]:
    for part in (0.5, 0.25):
        measured, grown = hold_out(comparisons, part, FPIR, _SPLITS, random)
        if measured:
            yield Check(FPIR, float(np.mean(measured)), float(np.std(measured)), grown, len(measured))
