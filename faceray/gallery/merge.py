"""The best of several searches."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]


def merge_top_k(found: Sequence[tuple[Scores, Rows]], k: int) -> tuple[Scores, Rows]:
    """The k best of what searches over disjoint shards have found for the same probes.

    Args:
        found: for each shard scores (n, any) and rows (n, any); a row of -1 is nothing.

    Returns:
        scores float32 (n, k), descending, and rows int64 (n, k); equal scores in the order of their rows. Where there
        are fewer than k, -inf and -1.
    """
    scores = np.concatenate([s for s, _ in found], axis=1, dtype=np.float32)
    rows = np.concatenate([r for _, r in found], axis=1, dtype=np.int64)
    scores = np.where(rows < 0, -np.inf, scores)
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    scores, rows = np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)
    missing = ((0, 0), (0, k - scores.shape[1]))
    return (
        np.pad(scores, missing, constant_values=-np.inf).astype(np.float32),
        np.pad(np.where(np.isneginf(scores), -1, rows), missing, constant_values=-1),
    )
