"""Does an index find what exact search finds? Asked of every shard when it has been built."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceray.gallery.index import Index, unit

_TESTED = 256
_COSINE = 0.65  # of a probe and the face that it is made from: mean over pairs of one person in LFW, with SFace
_CANDIDATES = (128, 512, 2048)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SelfTest:
    """How a shard is to be searched, and what that finds. As in faceray.gallery.card.ShardCard."""

    lists: int
    candidates: int
    recall_at_1: float
    recall_at_10: float
    tested: int


def self_test(index: Index, target: float, probes: Floats | None = None) -> SelfTest:
    """The cheapest way of searching whose recall at 1 reaches the target; where none does, the one that finds most.

    Recall at 1 is the share of probes whose nearest face is found; at 10, the share of the ten nearest.

    Args:
        probes: float32 (n, dimension); without them `further_photos` of some of the faces.
    """
    if probes is None:
        rows = np.linspace(0, index.faces - 1, min(_TESTED, index.faces), dtype=np.int64)
        probes = further_photos(index.vectors(rows))
    exact = index.search_exactly(probes, min(10, index.faces))[1]
    best = SelfTest(0, 0, -1.0, 0.0, len(probes))
    for lists, candidates in _ways(index):
        rows = index.search(probes, exact.shape[1], lists, candidates)[1]
        at_1 = float(np.mean(rows[:, 0] == exact[:, 0]))
        at_10 = float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(rows, exact, strict=True)]))
        if at_1 > best.recall_at_1:
            best = SelfTest(lists, candidates, at_1, at_10, len(probes))
        if at_1 >= target:
            break
    return best


def further_photos(faces: Floats) -> Floats:
    """What other photos of the same people might give: unit vectors, float32 (n, d).

    They are at a fixed angle to the given ones, in directions in which faces differ from each other.
    """
    weights = np.random.default_rng(0).standard_normal((len(faces), len(faces)), np.float32)
    noise = weights @ (faces - faces.mean(axis=0))
    noise -= np.sum(noise * faces, axis=1, keepdims=True) * faces
    return unit(_COSINE * faces + np.sqrt(1 - _COSINE**2) * unit(noise)[0])[0]


def _ways(index: Index) -> list[tuple[int, int]]:
    """(lists, candidates) from cheap to dear."""
    lists = [1 << power for power in range(2, index.lists.bit_length())] or [index.lists]
    candidates = _CANDIDATES if index.reranks else (0,)
    return [(n, c) for c in candidates for n in lists]
