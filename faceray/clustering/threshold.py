"""From which similarity on two faces are linked: chosen from the faces themselves, for their number."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.floating]

STRANGERS = 0.001  # links to other people that a face may have on average, where only the spread of pairs is known
_STEPS = 100  # thresholds tried
_FACES = 50  # with two links each, for a figure that can be trusted
_CLOSED = 2 / 3  # of the triples at least; below, there are too few identities of three faces to learn from
_EDGE = 1 - 1e-6  # where Fisher's transformation ends


@dataclass(frozen=True)
class Threshold:
    """A cosine similarity and where it comes from, in words."""

    value: float
    reason: str


@dataclass(frozen=True)
class Spread:
    """How the similarities of two faces drawn at random are spread: normally, after Fisher's transformation artanh.

    location, scale: of the transformed similarity.
    """

    location: float
    scale: float

    def threshold(self, faces: int, strangers: float) -> float:
        """The similarity that on average so many of so many other faces reach by chance."""
        return float(np.tanh(self.location + self.scale * norm.isf(strangers / max(faces, 2))))


def spread_of_pairs(vectors: NDArray[np.float32]) -> Spread:
    """From all pairs of a sample of faces, nearly all of them of two people.

    Location and scale are those of the shortest interval with half of the values (least median of squares, Rousseeuw,
    1984): pairs of one person, up to half of all, do not move them.

    Args:
        vectors: float32 (n, dimension), unit length, n at least 2.
    """
    similarity = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    values = np.sort(np.arctanh(np.clip(similarity, -_EDGE, _EDGE)))
    half = len(values) // 2
    widths = values[half:] - values[: len(values) - half]
    low = int(widths.argmin())
    return Spread(float(values[low] + values[low + half]) / 2, float(widths[low] / (2 * norm.isf(0.25))))


@dataclass(frozen=True)
class Surroundings:
    """A face and others that it may be linked to.

    similarity: (n,) to the face.
    mutual: (n, n) of the others to each other.
    known_from: all others that are at least so similar to the face, or an even choice of them, are among these.
    """

    similarity: Floats
    mutual: Floats
    known_from: float


@dataclass(frozen=True)
class Transitivity:
    """How often links close: where a face is linked to two others, whether these are linked. (points,) each.

    threshold: ascending.
    closed: mean over the faces with two links or more, 0 to 1: the local clustering coefficient (Watts and Strogatz,
        1998).
    error: standard error of that mean.
    faces: how many these are.
    """

    threshold: Floats
    closed: Floats
    error: Floats
    faces: NDArray[np.int64]

    def best(self) -> float | None:
        """The lowest threshold at which links close as often as anywhere, within one standard error (Breiman et al.,
        1984); None where they close too seldom, or there are too few, to tell."""
        closed = np.where(self.faces >= _FACES, self.closed, 0.0)
        peak = int(closed.argmax())
        if closed[peak] < _CLOSED:
            return None
        return float(self.threshold[np.flatnonzero(closed >= closed[peak] - self.error[peak])[0]])


def transitivity(surroundings: Iterable[Surroundings], lowest: float) -> Transitivity:
    """Identity is transitive: if a and b show one person, and b and c, so do a and c. Links to strangers do not close,
    and links that are missing leave others open, so the best threshold has most triples closed.

    Args:
        surroundings: of a sample of faces, complete above `lowest`.
    """
    grid = np.linspace(lowest, 1, _STEPS, endpoint=False)
    faces, total, squares = np.zeros(_STEPS, np.int64), np.zeros(_STEPS), np.zeros(_STEPS)
    for face in surroundings:
        first, second = np.triu_indices(len(face.similarity), 1)
        linked = np.minimum(face.similarity[first], face.similarity[second])
        closed = np.minimum(linked, face.mutual[first, second])
        triples = len(linked) - np.searchsorted(np.sort(linked), grid)
        shut = len(closed) - np.searchsorted(np.sort(closed), grid)
        counted = (triples > 0) & (grid >= face.known_from)
        share = shut[counted] / triples[counted]
        faces[counted] += 1
        total[counted] += share
        squares[counted] += share**2
    count = np.maximum(faces, 1)
    mean = total / count
    return Transitivity(grid, mean, np.sqrt(np.maximum(squares / count - mean**2, 0) / count), faces)
