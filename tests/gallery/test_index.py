"""FAISS indexes do what their keys promise."""

import io
from pathlib import Path

import numpy as np
import pytest

from faceray.errors import UserError
from faceray.gallery.index import Index, unit
from tests.gallery.outputs import people

EXACT = ["Flat", "SQfp16"]
COMPRESSED = "IVF16,PQ8x4fs,Refine(SQfp16)"
FACES = people(400, 2)
PROBES = people(400, 1, seed=0)[::3]


def filled(key: str) -> Index:
    index = Index.make(key, 32)
    if not index.is_trained:
        index.train(FACES)
    for start in range(0, len(FACES), 300):
        index.add(FACES[start : start + 300])
    return index


@pytest.mark.parametrize("key", EXACT)
@pytest.mark.parametrize("probes", [1, 15, 16, 100])  # one by one, and as matrix products
def test_exact_indexes_agree_with_numpy(key: str, probes: int) -> None:
    scores, rows = filled(key).search(PROBES[:probes], 5)
    similarity = PROBES[:probes] @ FACES.T
    best = np.sort(similarity, axis=1)[:, :-6:-1]
    assert np.allclose(scores, best, atol=1e-6 if key == "Flat" else 2e-3)
    assert np.allclose(np.take_along_axis(similarity, rows, 1), best, atol=2e-3)
    assert (rows[:, 0] == similarity.argmax(axis=1)).all()


def test_visiting_every_list_and_comparing_all_again_is_exact_search() -> None:
    index = filled(COMPRESSED)
    found = index.search(PROBES, 5, lists=16, candidates=800)
    exact = filled("SQfp16").search(PROBES, 5)
    assert np.array_equal(found[1], exact[1])
    assert np.allclose(found[0], exact[0], atol=1e-5)
    fewer = index.search(PROBES, 5, lists=1, candidates=10)[1]
    assert not np.array_equal(fewer, exact[1])
    assert np.array_equal(index.search_exactly(PROBES, 5)[1], exact[1])


@pytest.mark.parametrize("key", [*EXACT, COMPRESSED])
def test_vectors_come_back_as_they_are_stored(key: str) -> None:
    index, rows = filled(key), np.array([799, 0, 5, 5])
    assert np.allclose(index.vectors(rows), FACES[rows], atol=1e-3 if key != "Flat" else 0)
    assert np.array_equal(index.block(5, 3), index.vectors(np.array([5, 6, 7])))


@pytest.mark.parametrize("key", [*EXACT, COMPRESSED])
def test_a_written_index_is_the_same_when_it_is_read(key: str, tmp_path: Path) -> None:
    index, sink = filled(key), io.BytesIO()
    index.write(sink)
    (tmp_path / "x.faiss").write_bytes(sink.getvalue())
    read = Index.read(tmp_path / "x.faiss")
    assert (read.faces, read.dimension, read.lists) == (800, 32, index.lists)
    for ours, theirs in zip(index.search(PROBES, 3, 4, 64), read.search(PROBES, 3, 4, 64), strict=True):
        assert np.array_equal(ours, theirs)


def test_an_empty_trained_index_is_written_and_filled_later(tmp_path: Path) -> None:
    index, sink = Index.make(COMPRESSED, 32), io.BytesIO()
    assert not index.is_trained
    index.train(FACES)
    index.write(sink)
    (tmp_path / "trained.faiss").write_bytes(sink.getvalue())
    later = Index.read(tmp_path / "trained.faiss", mapped=False)
    later.add(FACES)
    assert np.array_equal(later.search(PROBES, 3, 4, 64)[1], filled(COMPRESSED).search(PROBES, 3, 4, 64)[1])


@pytest.mark.parametrize("key", [*EXACT, COMPRESSED])
def test_more_results_than_faces_are_no_problem(key: str) -> None:
    index = filled(key)
    for probes in (PROBES[:2], PROBES[:40]):
        scores, rows = index.search(probes, 2000, 16, 64)
        assert scores.shape == rows.shape == (len(probes), 800)
        assert (np.diff(scores, axis=1)[rows[:, 1:] >= 0] <= 1e-6).all()


@pytest.mark.parametrize("key", ["", "nonsense", "PQ7", "IVF", "Flat,Flat,Flat"])
def test_keys_that_faiss_cannot_make_are_the_users_to_mend(key: str) -> None:
    with pytest.raises(UserError, match="--key"):
        Index.make(key, 32)


def test_files_that_are_no_index_are_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"not an index at all")
    with pytest.raises(UserError, match="cannot be read as a FAISS index"):
        Index.read(tmp_path / "x")


def test_units_and_what_has_no_direction() -> None:
    vectors = np.array([[3, 4], [0, 0], [np.nan, 1], [np.inf, 0], [1e-30, 0], [3e38, 3e38]], np.float32)
    directions, usable = unit(vectors)
    assert usable.tolist() == [True, False, False, False, True, True]
    assert np.allclose(directions, [[0.6, 0.8], [0, 0], [0, 0], [0, 0], [1, 0], [0.5**0.5, 0.5**0.5]])
    assert directions.dtype == np.float32
