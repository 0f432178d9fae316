"""Identity numbers that stay: what was person 17 last night is person 17 tonight."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Numbered:
    """Clusters with identity numbers.

    Attributes:
        numbers: (clusters,), the identity of each.
        became: of each former number that nobody has any more, the identity that now has most of its faces; None where
            no face of it is left.
    """

    numbers: Ids
    became: dict[int, int | None]


def number(clusters: Ids, face_ids: Ids, old_faces: Ids, old_numbers: Ids, unused: int) -> Numbered:
    """Give each cluster the former number that it shares most faces with, or a new one.

    Where two identities have grown together, the one with more faces in common keeps its number; where one has come
    apart, the part with more faces keeps it. Ties go to the older (smaller) number, then to the cluster with the
    smallest face id, so the same faces always get the same numbers. New numbers go to large clusters first. A number
    is given once: what has retired does not come back.

    Args:
        clusters: (n,), of each face: 0 to the number of clusters - 1, each occurring.
        face_ids: (n,), unique.
        old_faces, old_numbers: (m,), last time's faces and their identities.
        unused: the smallest number never given yet.
    """
    count = int(clusters.max()) + 1 if len(clusters) else 0
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, clusters, face_ids)
    _, now, then = np.intersect1d(face_ids, old_faces, assume_unique=True, return_indices=True)
    (cluster, former), shared = _cells(clusters[now], old_numbers[then])
    order = np.lexsort((first[cluster], former, -shared))  # the last key counts most
    numbers = np.full(count, -1, np.int64)
    taken: set[int] = set()
    for c, number in zip(cluster[order].tolist(), former[order].tolist(), strict=True):
        if numbers[c] < 0 and number not in taken:
            numbers[c] = number
            taken.add(number)
    new = np.flatnonzero(numbers < 0)
    sizes = np.bincount(clusters, minlength=count)
    numbers[new[np.lexsort((first[new], -sizes[new]))]] = unused + np.arange(len(new))
    became: dict[int, int | None] = dict.fromkeys(np.setdiff1d(old_numbers, list(taken)).tolist())
    for c, number in zip(cluster[order].tolist(), former[order].tolist(), strict=True):
        if number in became and became[number] is None:
            became[number] = int(numbers[c])
    return Numbered(numbers, became)


def _cells(rows: Ids, columns: Ids) -> tuple[tuple[Ids, Ids], Ids]:
    """The pairs that occur, and how often."""
    pairs, counts = np.unique(np.stack([rows, columns], 1), axis=0, return_counts=True)
    return (pairs[:, 0], pairs[:, 1]), counts
