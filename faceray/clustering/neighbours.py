"""The nearest neighbours of every face, by FAISS: exact, or in inverted lists where there are many."""

from collections.abc import Iterable
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Vectors = NDArray[np.float32]

_BLOCK = 8192  # probes searched at a time: bounds what FAISS holds besides the result
_ROUNDS = 10  # of k-means
_SAMPLE = 1024  # probes that decide how many cells are looked into,
_NEIGHBOURS = 33  # and how many neighbours of each, itself included
_WORTH = 8  # times fewer faces must be looked at: scattered lists are slower to compare with than one table


@dataclass(frozen=True)
class Neighbours:
    """The k most alike faces of each probe, best first.

    ids: int64 (n, k), face ids of the gallery.
    similarity: float32 (n, k), cosine; -inf where there is no such neighbour, and the id means nothing.
    """

    ids: Ids
    similarity: Vectors

    def merge(self, other: "Neighbours") -> "Neighbours":
        """The best of both, as many as this one has. Faces that are equally alike are ordered by id."""
        ids = np.concatenate([self.ids, other.ids], 1)
        similarity = np.concatenate([self.similarity, other.similarity], 1)
        order = np.lexsort((ids, -similarity))[:, : self.ids.shape[1]]
        return Neighbours(np.take_along_axis(ids, order, 1), np.take_along_axis(similarity, order, 1))


@dataclass(frozen=True)
class Cells:
    """Inverted lists (Sivic and Zisserman, ICCV 2003): a probe is compared with the faces of the nearest cells only.

    Attributes:
        centroids: float32 (cells, dimension).
        probed: how many cells of a probe are looked into.
    """

    centroids: Vectors
    probed: int


def search(probes: Vectors, shards: Iterable[tuple[Ids, Vectors]], k: int, cells: Cells | None = None) -> Neighbours:
    """The most alike faces of a gallery that comes in shards.

    Args:
        probes: float32 (n, dimension), unit length.
        shards: face ids (m,) and embeddings (m, dimension) of a part of the gallery; one is held at a time.
        k: neighbours wanted.
        cells: None compares with every face.
    """
    best = Neighbours(np.zeros((len(probes), k), np.int64), np.full((len(probes), k), -np.inf, np.float32))
    for ids, vectors in shards:
        if len(ids) and len(probes):
            best = best.merge(_search_one(probes, ids, vectors, min(k, len(ids)), cells))
    return best


def _search_one(probes: Vectors, ids: Ids, vectors: Vectors, k: int, cells: Cells | None) -> Neighbours:
    flat = faiss.IndexFlatIP(probes.shape[1])
    flat.add(vectors if cells is None else cells.centroids)
    index: faiss.Index = flat
    if cells is not None:
        inverted = faiss.IndexIVFFlat(flat, probes.shape[1], len(cells.centroids), faiss.METRIC_INNER_PRODUCT)
        inverted.nprobe = cells.probed
        inverted.add(vectors)
        index = inverted
    found = [index.search(probes[i : i + _BLOCK], k) for i in range(0, len(probes), _BLOCK)]
    similarity, rows = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Neighbours(ids[rows], np.where(rows < 0, -np.inf, similarity).astype(np.float32))


def train_cells(sample: Vectors, count: int, threshold: float, recall: float) -> Cells | None:
    """So many cells by spherical k-means, and as many of them probed as it takes to find the links that matter; None
    where that is so many that comparing with every face is faster.

    Args:
        sample: float32 (n, dimension), unit length, n at least `count`.
        threshold: similarity from which on a neighbour matters.
        recall: part of these neighbours, within the sample, that must be found; 0 to 1.
    """
    means = faiss.Kmeans(sample.shape[1], count, niter=_ROUNDS, spherical=True, seed=0, max_points_per_centroid=64)
    means.train(sample)
    centroids = np.asarray(means.centroids, np.float32)
    probes, ids = sample[:_SAMPLE], np.arange(len(sample))
    k = min(len(sample), _NEIGHBOURS)
    wanted = _links(search(probes, [(ids, sample)], k), threshold)
    for probed in (2**power for power in range(count.bit_length())):
        if probed * _WORTH > count:
            return None
        found = _links(search(probes, [(ids, sample)], k, Cells(centroids, probed)), threshold)
        if len(wanted & found) >= recall * len(wanted):
            break
    return Cells(centroids, probed)


def _links(found: Neighbours, threshold: float) -> set[tuple[int, int]]:
    probe, place = np.nonzero(found.similarity >= threshold)
    pairs = np.stack([probe, found.ids[probe, place]], 1)
    return set(map(tuple, pairs[pairs[:, 0] != pairs[:, 1]].tolist()))
