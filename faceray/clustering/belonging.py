"""How well each face belongs to its cluster, and where faces go that took no part in the clustering."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceray.clustering.algorithms import Labels

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]
NONE = -1  # the label of a face in no cluster


@dataclass(frozen=True)
class Links:
    """Directed links (n,): rows of faces, rows of their neighbours, cosine similarities above 0."""

    face: Rows
    neighbour: Rows
    similarity: Floats


@dataclass(frozen=True)
class Belonging:
    """For each face, (faces,).

    confidence: part of the weight of its links that leads into its own cluster, 0 to 1; NaN without links.
    similarity: mean similarity of the links into its own cluster; NaN without any.
    """

    confidence: Floats
    similarity: Floats


def attach(labels: Labels, loose: NDArray[np.bool_], links: Links) -> Labels:
    """Labels in which each loose face has that of the cluster with most weight among its neighbours; NONE without any.

    The smaller label wins where two are equally heavy.
    """
    attached = np.where(loose, NONE, labels)
    onto = loose[links.face] & ~loose[links.neighbour]
    pairs = np.stack([links.face[onto], labels[links.neighbour[onto]]], 1)
    votes, inverse = np.unique(pairs, axis=0, return_inverse=True)
    weight = np.bincount(inverse, links.similarity[onto], len(votes))
    order = np.lexsort((votes[:, 1], -weight, votes[:, 0]))
    faces, first = np.unique(votes[order, 0], return_index=True)
    attached[faces] = votes[order, 1][first]
    return attached


def belonging(labels: Labels, links: Links) -> Belonging:
    """See `Belonging`; links from and to faces in no cluster do not count."""
    faces = len(labels)
    known = (labels[links.face] != NONE) & (labels[links.neighbour] != NONE)
    face, neighbour, similarity = links.face[known], links.neighbour[known], links.similarity[known]
    own = labels[face] == labels[neighbour]
    weight = np.bincount(face, similarity, faces)
    own_weight, own_links = np.bincount(face[own], similarity[own], faces), np.bincount(face[own], minlength=faces)
    with np.errstate(invalid="ignore"):
        return Belonging((own_weight / weight).astype(np.float32), (own_weight / own_links).astype(np.float32))
