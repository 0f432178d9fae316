"""What each algorithm makes of small graphs that can be drawn."""

import numpy as np
import pytest

from faceray.clustering.algorithms import ALGORITHMS, chinese_whispers, components, dense_components
from faceray.clustering.graph import Graph, link


def graph(faces: int, *links: tuple[int, int, float]) -> Graph:
    first, second, similarity = zip(*links, strict=True) if links else ([], [], [])
    return link(faces, np.array(first, int), np.array(second, int), np.array(similarity, np.float32))


def clique(*faces: int, similarity: float = 0.8) -> list[tuple[int, int, float]]:
    return [(a, b, similarity) for a in faces for b in faces if a < b]


TWO = graph(9, *clique(0, 2, 4, 6), *clique(1, 3, 5), (6, 1, 0.5))  # two groups, one weak link; 7 and 8 alone


def test_components_follow_every_link() -> None:
    assert components(TWO).tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 2]


def test_whispers_do_not_follow_a_single_weak_link() -> None:
    assert chinese_whispers(TWO).tolist() == [0, 1, 0, 1, 0, 1, 0, 2, 3]


def test_whispers_follow_the_heavier_side() -> None:
    links = [*clique(0, 1, 2), *clique(4, 5, 6)]
    assert chinese_whispers(graph(7, *links, (3, 0, 0.5), (3, 4, 0.6))).tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert chinese_whispers(graph(7, *links, (3, 0, 0.6), (3, 4, 0.5))).tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_dense_components_are_not_joined_by_a_sparse_chain() -> None:
    chained = graph(11, *clique(0, 1, 2, 3), *clique(5, 6, 7, 8), (3, 4, 0.6), (4, 5, 0.7), (9, 10, 0.9))
    assert dense_components(chained).tolist() == [
        0,
        0,
        0,
        0,
        1,
        1,
        1,
        1,
        1,
        2,
        3,
    ]  # 4 joins the core face most like it
    assert components(chained).max() == 1


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_face_is_in_one_cluster_numbered_by_its_first_face(name: str) -> None:
    dice = np.random.default_rng(1)
    first, second = dice.integers(0, 300, (2, 500))
    labels = ALGORITHMS[name](link(300, first, second, dice.random(500).astype(np.float32)))
    assert len(labels) == 300
    firsts = np.unique(labels, return_index=True)[1]
    assert (np.diff(firsts) > 0).all()
    assert ALGORITHMS[name](graph(3)).tolist() == [0, 1, 2]
    assert ALGORITHMS[name](graph(0)).tolist() == []


def test_clusters_lie_within_components() -> None:
    dice = np.random.default_rng(2)
    many = link(300, *dice.integers(0, 300, (2, 400)), dice.random(400).astype(np.float32))
    outer = components(many)
    for labels in (chinese_whispers(many), dense_components(many)):
        assert len(np.unique(np.stack([labels, outer]), axis=1).T) == labels.max() + 1
