"""Nearest neighbours: what brute force finds, however the gallery is cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceray.clustering.neighbours import Cells, Neighbours, search, train_cells
from tests.clustering.people import Vectors, embeddings

FACES = embeddings(np.repeat(np.arange(60), 5))
IDS = np.random.default_rng(0).permutation(len(FACES)).astype(np.int64) - 100  # ids may be any number


def brute(probes: Vectors, k: int) -> tuple[np.ndarray, np.ndarray]:
    similarity = probes @ FACES.T
    order = np.argsort(-similarity, 1)[:, :k]
    return IDS[order], np.take_along_axis(similarity, order, 1)


@settings(max_examples=20)
@given(cuts=st.sets(st.integers(0, len(FACES)), max_size=4), k=st.integers(1, 40))
def test_shards_of_any_size_and_order_give_what_brute_force_gives(cuts: set[int], k: int) -> None:
    edges = [0, *sorted(cuts), len(FACES)]
    shards = [(IDS[a:b], FACES[a:b]) for a, b in pairwise(edges)]
    found = search(FACES[:20], shards[::-1], k)
    ids, similarity = brute(FACES[:20], k)
    np.testing.assert_array_equal(found.ids, ids)
    np.testing.assert_allclose(found.similarity, similarity, atol=1e-6)


def test_where_there_are_fewer_faces_the_rest_is_nobody() -> None:
    found = search(FACES[:2], [(IDS[:3], FACES[:3])], 5)
    assert np.isfinite(found.similarity).sum(1).tolist() == [3, 3]
    nobody = search(FACES[:2], [], 4)
    assert nobody.similarity.shape == (2, 4)
    assert np.isneginf(nobody.similarity).all()
    assert search(FACES[:0], [(IDS, FACES)], 4).ids.shape == (0, 4)


def test_equally_similar_faces_come_in_the_order_of_their_ids_from_whatever_shard() -> None:
    same = np.repeat(FACES[:1], 4, axis=0)
    ids = np.array([7, -3, 12, 5])
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        found = search(FACES[:1], [(ids[[i]], same[[i]]) for i in order], 3)
        assert found.ids.tolist() == [[-3, 5, 7]]


def test_merging_keeps_as_many_as_the_first_has() -> None:
    one = Neighbours(np.array([[1, 2]]), np.array([[0.9, 0.1]], np.float32))
    two = Neighbours(np.array([[3, 4, 5]]), np.array([[0.5, 0.4, -np.inf]], np.float32))
    assert one.merge(two).ids.tolist() == [[1, 3]]


def test_cells_find_the_share_of_links_asked_for_with_less_work() -> None:
    cells = train_cells(FACES, 30, threshold=0.5, recall=0.9)
    assert cells is not None
    assert cells.probed <= 30 / 8
    exact, found = (search(FACES, [(IDS, FACES)], 5, way) for way in (None, cells))
    missed = (exact.similarity >= 0.5).sum() - (found.similarity >= 0.5).sum()
    assert missed <= 0.1 * (exact.similarity >= 0.5).sum()
    assert (found.similarity[:, 0] > 0.999).mean() > 0.99  # a face is in its own cell


def test_cells_are_given_up_where_nearly_all_would_have_to_be_looked_into() -> None:
    noise = np.random.default_rng(0).standard_normal((400, 64)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    assert train_cells(noise, 16, threshold=0.1, recall=0.99) is None


def test_all_cells_give_what_comparing_all_gives() -> None:
    cells = Cells(FACES[:8], 8)
    exact, found = (search(FACES[:30], [(IDS, FACES)], 7, way) for way in (None, cells))
    np.testing.assert_array_equal(found.ids, exact.ids)
    assert found.similarity == pytest.approx(exact.similarity, abs=1e-6)
