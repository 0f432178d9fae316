"""What lies around a sample of faces: the neighbours of each, and how alike these are to each other."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from faceray.clustering.faces import FaceShards, Shard
from faceray.clustering.neighbours import Cells, search
from faceray.clustering.threshold import (
    STRANGERS,
    Surroundings,
    Threshold,
    spread_of_pairs,
    transitivity,
)

Ids = NDArray[np.int64]

SAMPLE = 4096  # faces
_NEIGHBOURS = 1024  # found of each, so that people with many photos are known, too
_CHOSEN = 32  # of these


def choose_threshold(
    faces: FaceShards, sample: Shard, total: int, cells: Cells | None, images: Callable[[Ids], Ids]
) -> Threshold:
    """The similarity from which on two faces are to be linked.

    The one at which links are most nearly transitive, see `transitivity`; sought from where each face is linked to one
    stranger on average. Where the faces have too few triples to tell, the one from which on STRANGERS of them is
    expected, by the spread of random pairs. Both rise with the number of faces.

    Args:
        sample: of `faces`, at least two.
        total: number of all good faces.
        images: image ids of face ids.
    """
    spread = spread_of_pairs(sample.vectors)
    lowest = spread.threshold(total, strangers=1)
    best = transitivity(surroundings(faces, sample, lowest, cells, images), lowest).best()
    if best is None:
        return Threshold(
            spread.threshold(total, STRANGERS), f"{STRANGERS:g} links to strangers expected for each face"
        )
    return Threshold(best, "links are most nearly transitive there")


def surroundings(
    faces: FaceShards, sample: Shard, lowest: float, cells: Cells | None, images: Callable[[Ids], Ids]
) -> Iterator[Surroundings]:
    """Of each face of the sample, what is at least so similar; faces of its own image are other people.

    The shards are read twice, one after the other.
    """
    found = search(sample.vectors, _good(faces), _NEIGHBOURS + 1, cells)
    own = images(sample.ids)[:, None]
    near = (found.similarity >= lowest) & (found.ids != sample.ids[:, None])
    near[near] = images(found.ids[near]) != np.broadcast_to(own, near.shape)[near]
    chosen = [_evenly(np.flatnonzero(row)) for row in near]
    wanted = np.unique(np.concatenate([found.ids[i, c] for i, c in enumerate(chosen)]))
    vectors = _vectors(faces, wanted, sample.vectors.shape[1])
    for i, places in enumerate(chosen):
        some = vectors[np.searchsorted(wanted, found.ids[i, places])]
        last = float(found.similarity[i, -1])  # beyond it nothing is known
        yield Surroundings(found.similarity[i, places], some @ some.T, max(last, lowest))


def _good(faces: FaceShards) -> Iterator[tuple[Ids, NDArray[np.float32]]]:
    for number in range(len(faces.shards)):
        shard = faces.read(number)
        yield shard.ids[shard.good], shard.vectors[shard.good]


def _evenly(places: NDArray[np.intp]) -> NDArray[np.intp]:
    chosen: NDArray[np.intp] = places[np.linspace(0, len(places) - 1, min(len(places), _CHOSEN)).astype(int)]
    return chosen


def _vectors(faces: FaceShards, wanted: Ids, dimension: int) -> NDArray[np.float32]:
    """The embeddings of these faces, (n, dimension); ids ascending."""
    vectors = np.zeros((len(wanted), dimension), np.float32)
    for ids, some in _good(faces):
        _, here, there = np.intersect1d(wanted, ids, assume_unique=True, return_indices=True)
        vectors[here] = some[there]
    return vectors
