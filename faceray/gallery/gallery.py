"""A generation of a gallery, opened for reading."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.gallery.card import GalleryCard
from faceray.gallery.idmap import ENTRIES
from faceray.gallery.merge import merge_top_k
from faceray.gallery.shard import Shard
from faceray.gallery.store import Store
from faceray.storage import StorageOptions


class Gallery:
    """Search, and what is known of those found. Nothing is read before it is needed.

    Rows number the faces of all shards in their order, from 0 to `card.faces`.
    """

    def __init__(self, store: Store, card: GalleryCard) -> None:
        self.store, self.card = store, card

    @classmethod
    def open(cls, uri: str, generation: str | None = None, storage: StorageOptions | None = None) -> "Gallery":
        """The current generation of the gallery at `uri`, or the one named.

        Raises:
            UserError: there is none, or its `gallery.json` is not one.
        """
        store = Store.at(uri, storage)
        return cls(store, store.card(generation))

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """The shards, each with the row of its first face. They can be sent to other processes, which read the files
        themselves: `merge_top_k([shard.search(probes, k) for shard in shards], k)` is `search(probes, k)`."""
        firsts = np.cumsum([0, *(card.faces for card in self.card.shards)])
        return tuple(
            Shard(self.store.shards, card, int(first), self.card.network.dimension)
            for card, first in zip(self.card.shards, firsts, strict=False)
        )

    def search(self, probes: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The k most similar faces of each probe.

        Args:
            probes: (n, dimension); any length but zero, only their direction counts.

        Returns:
            scores float32 (n, k), cosine similarity, descending, and rows int64 (n, k). Where there are fewer than k
            faces, and for probes that are zero or not finite, -inf and -1. Exact search gives the same whatever the
            number of shards, but for faces whose scores are equal to the last bits.

        Raises:
            UserError: another dimension, or a shard is damaged.
        """
        dimension = self.card.network.dimension
        if probes.ndim != 2 or probes.shape[1] != dimension:
            raise UserError(f"probes of shape {probes.shape}, but embeddings of the gallery have length {dimension}")
        nothing = np.zeros((len(probes), 0), np.float32), np.zeros((len(probes), 0), np.int64)
        return merge_top_k([nothing, *(shard.search(probes, k) for shard in self.shards)], k)

    def entries(self, rows: NDArray[np.int64]) -> pa.Table:
        """What is known of these faces: a row of faceray.gallery.idmap.ENTRIES for each number, in their order.

        Args:
            rows: int64 (m,); for -1 a row of nulls.
        """
        empty = ENTRIES.empty_table()
        found = self._of_shards(rows, lambda shard, some: shard.entries(some))
        places = np.full(len(rows), -1)
        order = np.concatenate([np.zeros(0, np.int64), *(places for places, _ in found)])
        places[order] = np.arange(len(order))
        table = pa.concat_tables([empty, *(part for _, part in found)])
        return table.take(pa.array(places, mask=places < 0))

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The embeddings of these faces as they are stored: float32 (m, dimension), unit length up to rounding.

        Args:
            rows: int64 (m,), none of them -1.
        """
        vectors = np.empty((len(rows), self.card.network.dimension), np.float32)
        for places, part in self._of_shards(rows, lambda shard, some: shard.vectors(some)):
            vectors[places] = part
        return vectors

    def _of_shards(self, rows: NDArray[np.int64], read: Callable[[Shard, NDArray[np.int64]], Any]) -> list[Any]:
        """(places, what was read) for every shard that has any of these rows."""
        if rows.size and not (rows.min() >= -1 and rows.max() < self.card.faces):
            raise IndexError(f"rows from {rows.min()} to {rows.max()} of a gallery of {self.card.faces} faces")
        found = []
        for shard in self.shards:
            places = np.flatnonzero((rows >= shard.first) & (rows < shard.first + shard.card.faces))
            if len(places):
                found.append((places, read(shard, rows[places])))
        return found
