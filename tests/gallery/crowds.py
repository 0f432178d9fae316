"""Made-up people for calibrations, with numbers."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from faceray.gallery.calibration import Calibration, calibrate
from faceray.gallery.comparisons import Comparisons
from tests.gallery.outputs import people

Vectors = NDArray[np.float32]
Numbers = NDArray[np.int64]


def crowd(count: int, photos: int, seed: int = 0, cosine: float = 0.8) -> tuple[Vectors, Numbers]:
    """Embeddings as `people` makes them, and the number of each one's person."""
    return people(count, photos, cosine=cosine, seed=seed), np.repeat(np.arange(count), photos)


def top(probes: Vectors, entries: Vectors, k: int) -> tuple[Vectors, Numbers]:
    """Exact search: scores (n, k) descending, rows (n, k)."""
    scores = probes @ entries.T
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, rows, 1), rows


def comparisons(vectors: Vectors, who: Numbers | None, most: int = 100) -> Comparisons:
    """Every face searched among all of them."""
    scores, rows = top(vectors, vectors, min(most, len(vectors)))
    own = np.arange(len(vectors))
    numbers = -1 - rows if who is None else who[rows]
    probes = -1 - own if who is None else who
    named = 0 if who is None else len(vectors)
    return Comparisons.of(scores, numbers, rows == own[:, None], probes, len(vectors), named)


@cache
def calibrated(count: int = 300, cosine: float = 0.8) -> Calibration:
    """With so many people who have two photos each."""
    return calibrate(comparisons(*crowd(count, 2, cosine=cosine)), 2 * count)
