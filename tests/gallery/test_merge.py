"""Merging what several shards have found."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faceray.gallery.merge import merge_top_k


@given(st.lists(st.lists(st.integers(-3, 3), max_size=6), min_size=1, max_size=4), st.integers(1, 8))
def test_the_best_of_all_shards_in_order(shards: list[list[int]], k: int) -> None:
    """Each shard tells its k best; the merged answer is what one look at everything gives, ties by row."""
    firsts = np.cumsum([0, *map(len, shards)])
    everything = sorted((-score, firsts[s] + i) for s, scores in enumerate(shards) for i, score in enumerate(scores))
    found = []
    for first, scores in zip(firsts, shards, strict=False):
        best = sorted((-score, first + i) for i, score in enumerate(scores))[:k]
        padding = [(np.inf, -1)] * (2 if len(best) < k else 0)  # as FAISS pads
        table = np.array([*best, *padding]).reshape(1, -1, 2)
        found.append((-table[:, :, 0].astype(np.float32), table[:, :, 1].astype(np.int64)))
    scores, rows = merge_top_k(found, k)
    assert scores.dtype == np.float32
    assert rows.dtype == np.int64
    expected = everything[:k]
    assert rows[0].tolist() == [row for _, row in expected] + [-1] * (k - len(expected))
    assert scores[0].tolist() == [-score for score, _ in expected] + [-np.inf] * (k - len(expected))


def test_probes_are_kept_apart() -> None:
    one = np.array([[0.9, 0.1], [0.2, 0.1]], np.float32), np.array([[3, 4], [5, 6]])
    two = np.array([[0.5], [0.8]], np.float32), np.array([[10], [11]])
    scores, rows = merge_top_k([one, two], 2)
    assert rows.tolist() == [[3, 10], [11, 5]]
    assert np.allclose(scores, [[0.9, 0.5], [0.8, 0.2]])
