"""HDBSCAN over links, to be measured beside faceray.clustering.algorithms (Campello et al., PAKDD 2013; clusters by
excess of mass). What lies beyond the threshold of links is infinitely far; a component may be a cluster as a whole."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

from faceray.clustering.algorithms import Labels
from faceray.clustering.graph import Graph

_LEAST = 2  # faces of a cluster
_NEAREST = 2  # neighbour whose distance is a face's density
_TINY = 1e-6  # distances of 0 are no links to scipy


def hdbscan(graph: Graph) -> Labels:
    """int64 (faces,): clusters from 0; a face that is in none is one."""
    merges, weights = _merges(graph)
    labels = _clusters(merges, 1 / weights, graph.faces, 1 / (1 - float(graph.similarity.min(initial=0)) + _TINY))
    alone = labels < 0
    labels[alone] = labels.max(initial=0) + 1 + np.arange(alone.sum())
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _merges(graph: Graph) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Single linkage by mutual reachability: (m, 3) of the two joined and the size of both, and (m,) distances. Faces
    are 0 to `faces`, the n-th merge is `faces` + n."""
    distance = np.maximum(1 - graph.similarity.astype(np.float64), 0) + _TINY
    ranked = np.lexsort((distance, graph.face))
    place = np.arange(len(ranked)) - np.asarray(graph.start)[graph.face[ranked]]
    core = np.full(graph.faces, np.inf)
    chosen = ranked[place == np.minimum(_NEAREST, np.diff(graph.start)[graph.face[ranked]]) - 1]
    core[graph.face[chosen]] = distance[chosen]
    weight = np.maximum(distance, np.maximum(core[graph.face], core[graph.neighbour]))
    tree = minimum_spanning_tree(csr_array((weight, (graph.face, graph.neighbour)), shape=(graph.faces,) * 2)).tocoo()
    root, top, size = list(range(graph.faces)), list(range(graph.faces)), [1] * graph.faces
    merges, order = [], np.argsort(tree.data, kind="stable")
    for a, b in zip(tree.row[order].tolist(), tree.col[order].tolist(), strict=True):
        one, other = _find(root, a), _find(root, b)
        root[other], size[one] = one, size[one] + size[other]
        merges.append((top[one], top[other], size[one]))
        top[one] = graph.faces + len(merges) - 1
    return np.array(merges, np.int64).reshape(-1, 3), tree.data[order]


def _find(root: list[int], face: int) -> int:
    while root[face] != face:
        root[face] = root[root[face]]
        face = root[face]
    return face


def _clusters(merges: NDArray[np.int64], density: NDArray[np.float64], faces: int, lowest: float) -> NDArray[np.int64]:
    """(faces,) the most stable clusters; -1 for a face that is in none."""
    size = np.concatenate([np.ones(faces, np.int64), merges[:, 2]])
    cluster = np.full(len(size), -1)
    born: list[float] = []
    parent: list[int] = []
    mass: list[float] = []

    def begin(node: int, birth: float, within: int) -> None:
        cluster[node] = len(born)
        born.append(birth)
        parent.append(within)
        mass.append(0.0)

    for n in range(len(merges) - 1, -1, -1):
        node, (a, b, both) = faces + n, merges[n]
        if cluster[node] < 0:
            begin(node, lowest, -1)
        own = cluster[node]
        if min(size[a], size[b]) >= _LEAST:
            mass[own] += both * (density[n] - born[own])
            begin(a, density[n], own)
            begin(b, density[n], own)
            continue
        for child in (a, b):
            cluster[child] = own
            if size[child] < _LEAST:
                mass[own] += size[child] * (density[n] - born[own])
    return _most_mass(cluster[:faces], parent, mass)


def _most_mass(cluster: NDArray[np.int64], parent: list[int], mass: list[float]) -> NDArray[np.int64]:
    """Each face's cluster among those of which none is within another and whose mass is greatest."""
    below, chosen = [0.0] * len(mass), [True] * len(mass)
    for c in range(len(mass) - 1, -1, -1):  # children come after their parents
        chosen[c] = mass[c] >= below[c]
        if parent[c] >= 0:
            below[parent[c]] += max(mass[c], below[c])
    last = np.full(len(mass) + 1, -1)
    for c in range(len(mass)):
        above = last[parent[c]] if parent[c] >= 0 else -1
        last[c] = above if above >= 0 else c if chosen[c] else -1
    return last[cluster]
