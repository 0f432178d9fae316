"""Recall is measured, and what is found is searched for."""

import numpy as np
import pytest

from faceray.gallery.index import Index
from faceray.gallery.selftest import further_photos, self_test
from tests.gallery.outputs import people

FACES = people(1500, 2)


@pytest.fixture(scope="module")
def index() -> Index:
    index = Index.make("IVF32,PQ8x4fs,Refine(SQfp16)", 32)
    index.train(FACES)
    index.add(FACES)
    return index


def test_more_recall_takes_more_lists(index: Index) -> None:
    low, high = self_test(index, 0.5), self_test(index, 0.99)
    assert low.recall_at_1 >= 0.5
    assert high.recall_at_1 >= 0.99
    assert low.lists < high.lists <= 32
    assert low.tested == high.tested == 256


def test_what_it_says_is_what_a_search_finds(index: Index) -> None:
    probes = people(1500, 1, seed=0)[::5]
    test = self_test(index, 0.9, probes)
    found = index.search(probes, 10, test.lists, test.candidates)[1]
    truth = np.argsort(-(probes @ FACES.T), axis=1)[:, :10]
    assert np.mean(found[:, 0] == truth[:, 0]) == pytest.approx(test.recall_at_1, abs=0.01)
    shared = [len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), truth.tolist(), strict=True)]
    assert np.mean(shared) == pytest.approx(test.recall_at_10, abs=0.01)


@pytest.mark.parametrize("key", ["Flat", "SQfp16"])
@pytest.mark.parametrize("count", [1, 3, 300])
def test_exact_indexes_find_everything(key: str, count: int) -> None:
    index = Index.make(key, 32)
    index.add(FACES[:count])
    test = self_test(index, 1.0)
    assert (test.recall_at_1, test.lists, test.candidates) == (1.0, 0, 0)
    assert test.recall_at_10 > 0.99
    assert test.tested == min(count, 256)


def test_a_goal_that_is_out_of_reach_gives_the_best_there_is() -> None:
    index = Index.make("IVF4,PQ2x4", 32)  # codes of a byte, never compared again
    index.train(FACES)
    index.add(FACES)
    index._index.make_direct_map()
    test = self_test(index, 1.0)
    assert test.recall_at_1 < 1


def test_further_photos_are_at_one_angle_in_all_directions() -> None:
    made = further_photos(FACES[:200])
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert np.allclose(np.sum(made * FACES[:200], axis=1), 0.65, atol=1e-4)
    assert np.allclose(further_photos(FACES[:1]), FACES[:1], atol=1e-5)
