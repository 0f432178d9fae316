"""From links between face ids to clusters of faces."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceray.clustering.algorithms import Labels
from faceray.clustering.belonging import NONE, Belonging, Links, attach, belonging
from faceray.clustering.graph import Graph, link

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Partition:
    """Who is together; (faces,) each, in the order of the faces.

    labels: clusters from 0; NONE for a face that is in none.
    core: whether a face took part in the clustering; others were attached.
    belonging: how well it belongs.
    links: how many there are between faces, each counted once.
    """

    labels: Labels
    core: NDArray[np.bool_]
    belonging: Belonging
    links: int


def read_links(tables: Iterable[pa.Table], ids: Ids, images: Ids) -> tuple[Links, NDArray[np.bool_]]:
    """The links as rows of the faces, but for those within an image, whose faces are different people; and which faces
    took part.

    Args:
        tables: rows of LINKS.
        ids: (faces,) ascending. images: (faces,) their image ids.
    """
    present = np.zeros(len(ids), bool)
    faces, neighbours = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    similarities = [np.zeros(0, np.float32)]
    for table in tables:
        face, neighbour = (
            np.searchsorted(ids, np.asarray(table[name])).astype(np.int32) for name in ("face_id", "neighbour_id")
        )
        present[face[face == neighbour]] = True
        other = images[face] != images[neighbour]
        faces.append(face[other])
        neighbours.append(neighbour[other])
        similarities.append(np.asarray(table["similarity"], np.float32)[other])
    return Links(np.concatenate(faces), np.concatenate(neighbours), np.concatenate(similarities)), present


def partition(
    links: Links,
    present: NDArray[np.bool_],
    good: NDArray[np.bool_],
    algorithm: Callable[[Graph], Labels],
    loose: bool,
) -> Partition:
    """Cluster the good faces, and attach the others.

    Args:
        links: from all faces that are present, to good ones.
        present, good: (faces,) which have an embedding, which are clear enough to be clustered.
        loose: whether others are attached.
    """
    core = present & good
    inner = core[links.face]
    graph = link(len(core), links.face[inner], links.neighbour[inner], links.similarity[inner])
    labels = np.where(core, algorithm(graph), NONE)
    outer = Links(links.face[~inner], links.neighbour[~inner], links.similarity[~inner])
    if loose:
        labels = attach(labels, present & ~good, outer)
    labels[labels != NONE] = np.unique(labels[labels != NONE], return_inverse=True)[1]
    every = Links(
        np.concatenate([graph.face, outer.face]),
        np.concatenate([graph.neighbour, outer.neighbour]),
        np.concatenate([graph.similarity, outer.similarity]),
    )
    return Partition(labels, core, belonging(labels, every), len(graph.neighbour) // 2 + len(outer.face))


def contradictions(labels: Labels, images: Ids) -> int:
    """How many images show one person twice, by these labels: errors, but for mirrors, posters and collages."""
    placed = labels != NONE
    pairs, counts = np.unique(np.stack([images[placed], labels[placed]]), axis=1, return_counts=True)
    return len(np.unique(pairs[0][counts > 1]))
