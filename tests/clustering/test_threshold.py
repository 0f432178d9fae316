"""The threshold that the faces themselves suggest."""

from collections.abc import Iterator

import numpy as np
import pytest

from faceray.clustering.threshold import Surroundings, Transitivity, spread_of_pairs, transitivity
from tests.clustering.people import Vectors, embeddings

PEOPLE = np.repeat(np.arange(80), 4)


def around(vectors: Vectors, lowest: float) -> Iterator[Surroundings]:
    for i, row in enumerate(vectors @ vectors.T):
        near = np.flatnonzero((row >= lowest) & (np.arange(len(row)) != i))
        yield Surroundings(row[near], vectors[near] @ vectors[near].T, lowest)


def test_the_spread_is_that_of_strangers_whoever_else_is_there() -> None:
    strangers = spread_of_pairs(embeddings(range(300)))
    assert strangers.location == pytest.approx(0, abs=0.02)
    assert strangers.scale == pytest.approx(1 / 8, rel=0.1)  # of 64 dimensions
    three = spread_of_pairs(embeddings(np.repeat(np.arange(3), 60)))  # a third of the pairs is of one person
    assert abs(three.threshold(180, 1)) < 0.5 < 1 / (1 + 0.7**2)


def test_a_threshold_by_the_spread_rises_with_the_number_of_faces_and_lets_so_many_strangers_pass() -> None:
    vectors = embeddings(range(600))
    spread = spread_of_pairs(vectors)
    values = [spread.threshold(faces, 0.5) for faces in (100, 1000, 10**6)]
    assert values == sorted(values)
    similarity = (vectors @ vectors.T)[np.triu_indices(600, 1)]
    links = 2 * (similarity >= spread.threshold(600, strangers=1)).sum() / 600
    assert links == pytest.approx(1, rel=0.3)


def test_triples_close_as_often_as_counted_by_hand() -> None:
    mutual = np.array([[1, 0.8, 0.3], [0.8, 1, 0.2], [0.3, 0.2, 1]])
    face = Surroundings(np.array([0.9, 0.7, 0.6]), mutual, 0.0)
    one = transitivity([face, Surroundings(np.array([0.5]), np.ones((1, 1)), 0.0)], 0.0)

    def closed(threshold: float) -> float:
        return float(one.closed[np.searchsorted(one.threshold, threshold - 1e-9)])

    assert [closed(t) for t in (0.1, 0.25, 0.55, 0.65)] == pytest.approx([1, 2 / 3, 1 / 3, 1])
    assert one.faces[np.searchsorted(one.threshold, 0.65)] == 1
    assert one.faces[-1] == 0  # nobody has two links there


def test_what_is_not_known_of_a_face_is_not_counted() -> None:
    face = Surroundings(np.array([0.9, 0.8]), np.eye(2), known_from=0.75)
    result = transitivity([face], 0.5)
    assert set(result.faces[result.threshold < 0.74]) == {0}
    assert set(result.faces[(result.threshold > 0.76) & (result.threshold < 0.79)]) == {1}


def test_the_best_threshold_keeps_people_together_and_strangers_apart() -> None:
    vectors = embeddings(PEOPLE)
    lowest = spread_of_pairs(vectors).threshold(len(vectors), 1)
    best = transitivity(around(vectors, lowest), lowest).best()
    assert best is not None
    same = PEOPLE[:, None] == PEOPLE
    linked = vectors @ vectors.T >= best
    assert (linked & ~same).sum() <= 0.05 * (linked & same).sum()
    assert (linked & same).sum() >= 0.95 * same.sum()


def test_strangers_alone_do_not_suggest_any_threshold() -> None:
    vectors = embeddings(range(400))
    lowest = spread_of_pairs(vectors).threshold(len(vectors), 1)
    assert transitivity(around(vectors, lowest), lowest).best() is None


def test_the_lowest_of_equally_good_thresholds_is_taken_and_few_faces_tell_nothing() -> None:
    def curve(faces: int, *closed: float) -> Transitivity:
        count = len(closed)
        return Transitivity(
            np.arange(count) / 10, np.array(closed), np.full(count, 0.02), np.full(count, faces, np.int64)
        )

    assert curve(500, 0.5, 0.88, 0.9, 0.91, 0.7).best() == pytest.approx(0.2)
    assert curve(500, 0.5, 0.6, 0.5).best() is None
    assert curve(10, 0.9, 0.9).best() is None
