"""From links to clusters. Each function gives labels, int64 (faces,): the clusters from 0, in the order of their first
face; each face without links is one."""

from collections.abc import Callable

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from faceray.clustering.graph import Graph

Labels = NDArray[np.int64]

_DENSE = 3  # links that make a face the core of something
_ROUNDS = 100  # labels settle after about five


def components(graph: Graph) -> Labels:
    """Connected components: all that a chain of links leads to."""
    return _connected(graph, np.ones(len(graph.neighbour), bool))


def dense_components(graph: Graph, least: int = _DENSE) -> Labels:
    """Connected components of the faces with at least so many links; others join the core face most like them.

    DBSCAN (Ester et al., KDD 1996), but that a face without a core face near it stays alone.
    """
    core = graph.links >= least
    face, onto_core = graph.face, core[graph.neighbour]
    labels = _connected(graph, core[face] & onto_core)
    border = ~core[face] & onto_core
    order = np.lexsort((-graph.similarity[border], face[border]))
    faces, first = np.unique(face[border][order], return_index=True)
    labels[faces] = labels[graph.neighbour[border][order][first]]
    return _renumbered(labels)


def chinese_whispers(graph: Graph) -> Labels:
    """Every face takes the label that has most weight among its neighbours, again and again until none changes.

    Chinese whispers (Biemann, TextGraphs 2006); a link weighs its similarity. Faces take their turn in the order of
    their rows, and the smaller of two equally heavy labels wins, so the same graph gives the same clusters. Of a label
    whose faces links no longer hold together, each part is a cluster.
    """
    weight = np.maximum(graph.similarity, 0).astype(np.float64)
    labels = _whisper(graph.start, graph.neighbour, weight, _ROUNDS)
    return _connected(graph, labels[graph.face] == labels[graph.neighbour])


ALGORITHMS: dict[str, Callable[[Graph], Labels]] = {
    "whispers": chinese_whispers,
    "components": components,
    "density": dense_components,
}


def _connected(graph: Graph, followed: NDArray[np.bool_]) -> Labels:
    """Connected components of some of the links."""
    ends = (graph.face[followed], graph.neighbour[followed])
    matrix = csr_array((np.ones(followed.sum(), bool), ends), shape=(graph.faces, graph.faces))
    return _renumbered(connected_components(matrix, directed=False)[1])


def _renumbered(labels: NDArray[np.integer]) -> Labels:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


@numba.njit("int64[:](int64[::1], int32[::1], float64[::1], int64)", nogil=True)
def _whisper(start: Labels, neighbour: NDArray[np.int32], weight: NDArray[np.float64], rounds: int) -> Labels:
    faces = len(start) - 1
    labels, score = np.arange(faces), np.zeros(faces)
    for _ in range(rounds):
        changed = False
        for face in range(faces):
            links = range(start[face], start[face + 1])
            for i in links:
                score[labels[neighbour[i]]] += weight[i]
            best = labels[face]
            for i in links:
                label = labels[neighbour[i]]
                if score[label] > score[best] or (score[label] == score[best] and label < best):
                    best = label
            for i in links:
                score[labels[neighbour[i]]] = 0
            changed |= best != labels[face]
            labels[face] = best
        if not changed:
            break
    return labels
