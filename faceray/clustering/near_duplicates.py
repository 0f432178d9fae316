"""Photos that show nearly the same, found among all without comparing all."""

from itertools import combinations, pairwise

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceray.clustering.perceptual_hash import BITS, distance
from faceray.clustering.tables import DUPLICATES

Hashes = NDArray[np.int64]
Words = NDArray[np.uint64]
Rows = NDArray[np.int64]
MOST = 10  # bits; beyond, equal blocks are too short to sort photos apart
_EQUAL = 3  # blocks that two near hashes have in common at least


def near_groups(hashes: Hashes, most: int) -> Rows:
    """Which photos belong together: of each (n,) the index of the first one of its group.

    Two photos are in one group when a chain of photos leads from one to the other, each at most `most` bits (Hamming
    distance) from the next.

    Hashes of `most` + 3 blocks that differ in at most `most` bits agree in at least 3 blocks. So for every choice of 3
    blocks the hashes are sorted by these, and those are compared that are equal there (Manku, Jain and Das Sarma, WWW
    2007). Nothing is missed.

    Raises:
        ValueError: `most` is not between 0 and MOST.
    """
    if not 0 <= most <= MOST:
        raise ValueError(f"a distance of 0 to {MOST} bits, not {most}")
    known, places = np.unique(hashes.view(np.uint64), return_inverse=True)
    parents = np.arange(len(known))
    for mask in _masks(most + _EQUAL):
        keys = known & mask
        order = np.argsort(keys)
        _join_equal(keys[order], known[order], order, most, parents)
    roots = _roots(parents)[places]
    first = np.full(len(known), len(hashes))
    np.minimum.at(first, roots, np.arange(len(hashes)))
    return first[roots]


def near_duplicates(photos: pa.Table, most: int) -> pa.Table:
    """The photos that are not alone, as rows of DUPLICATES, group by group, the best one first.

    Args:
        photos: rows of HASHES, those without a hash among them.
        most: bits in which two near-duplicates differ at most.
    """
    photos = photos.filter(pc.is_valid(photos["hash"]))
    pixels = pc.multiply(photos["width"].cast(pa.int64()), photos["height"].cast(pa.int64()))
    keys = [("pixels", "descending"), ("bytes", "descending"), ("uri", "ascending")]
    photos = photos.append_column("pixels", pixels).sort_by(keys)
    hashes, ids = np.asarray(photos["hash"], np.int64), np.asarray(photos["image_id"])
    best = near_groups(hashes, most)
    together = np.flatnonzero(np.bincount(best, minlength=len(best))[best] > 1)
    together = together[np.argsort(best[together], kind="stable")]
    found = photos.take(together)
    bits = distance(hashes[together], hashes[best[together]]).astype(np.int32)
    columns = {"best_image_id": pa.array(ids[best[together]]), "distance": pa.array(bits)}
    return pa.table([columns[f.name] if f.name in columns else found[f.name] for f in DUPLICATES], schema=DUPLICATES)


def _masks(blocks: int) -> list[np.uint64]:
    """The bits of every choice of _EQUAL blocks."""
    edges = [BITS * i // blocks for i in range(blocks + 1)]
    parts = [(1 << end) - (1 << start) for start, end in pairwise(edges)]
    return [np.uint64(sum(chosen)) for chosen in combinations(parts, _EQUAL)]


@numba.njit("int64(int64[:], int64)", nogil=True)
def _root(parents: Rows, i: int) -> int:
    """The head of a tree of a disjoint-set forest; halves the way for the next one."""
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


@numba.njit("void(uint64[:], uint64[:], int64[:], int64, int64[:])", nogil=True)
def _join_equal(keys: Words, hashes: Words, rows: Rows, most: int, parents: Rows) -> None:
    """Join the trees of hashes that have equal keys and differ in at most `most` bits; keys are sorted."""
    for i in range(len(keys)):
        for j in range(i + 1, len(keys)):
            if keys[j] != keys[i]:
                break
            different, bits = hashes[i] ^ hashes[j], 0
            while different and bits <= most:
                different &= different - np.uint64(1)
                bits += 1
            if bits <= most:
                parents[_root(parents, rows[j])] = _root(parents, rows[i])


@numba.njit("int64[:](int64[:])", nogil=True)
def _roots(parents: Rows) -> Rows:
    return np.array([_root(parents, i) for i in range(len(parents))])
