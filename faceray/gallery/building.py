"""Building the shards of a plan: the work of one process."""

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from faceray.gallery.card import File, ShardCard
from faceray.gallery.files import LocalFile, write_file
from faceray.gallery.idmap import ids_writer
from faceray.gallery.index import Index
from faceray.gallery.plan import PIECE, Vectors
from faceray.gallery.selftest import self_test
from faceray.gallery.store import Store
from faceray.storage import Folder

_SAMPLED = 64  # pieces of the plan that training looks at


class Builder:
    """Builds shards, each from its file of the plan. A shard that is built again becomes the same files.

    Args:
        plan: folder of the plan.
        generation: whose shards these are.
        key: FAISS key of the shards.
        recall: at 1, that a search of each shard must reach.
        threads: CPU threads of each call; 0 for all.
    """

    def __init__(
        self, store: Store, plan: Folder, vectors: Vectors, generation: str, key: str, recall: float, threads: int
    ) -> None:
        self.store, self.plan, self.vectors = store, plan, vectors
        self.generation, self.key, self.recall, self.threads = generation, key, recall, threads

    def train(self, sizes: list[int], wanted: int) -> File | None:
        """Write the empty, trained index that all shards start from; None for keys that need no training.

        Args:
            sizes: of the shards. wanted: faces to train on, taken evenly from the plan.
        """
        self._set_threads()
        index = Index.make(self.key, self.vectors.dimension)
        if index.is_trained:
            return None
        index.train(self._sample(sizes, wanted))
        return write_file(self.store.shards, f"{self.generation}-trained.faiss", index.write)

    def build(self, number: int, trained: File | None) -> ShardCard | None:
        """Fill, test and write a shard; None where none of its faces has an embedding.

        Raises:
            UserError: faces cannot be read, or the shard cannot be written.
        """
        self._set_threads()
        index, name = self._empty(trained), f"{self.generation}-{number:05}"

        def fill(sink: Any) -> None:
            with ids_writer(sink) as writer:
                for rows, vectors in self.vectors.planned(self.plan, number):
                    index.add(vectors)
                    writer.write_table(rows)

        ids = write_file(self.store.shards, f"{name}.parquet", fill)
        if not index.faces:
            return None
        tested = self_test(index, self.recall)
        vectors = write_file(self.store.shards, f"{name}.faiss", index.write)
        return ShardCard(faces=index.faces, index=vectors, ids=ids, **vars(tested))

    def _empty(self, trained: File | None) -> Index:
        if trained is None:
            return Index.make(self.key, self.vectors.dimension)
        file = LocalFile(self.store.shards, trained)  # may be a copy that goes when nobody has it
        return Index.read(file.path, mapped=False)

    def _sample(self, sizes: list[int], wanted: int) -> NDArray[np.float32]:
        """Vectors from evenly spread pieces of the plan."""
        pieces = [(number, piece) for number, size in enumerate(sizes) for piece in range(-(-size // PIECE))]
        picked = [pieces[i] for i in np.unique(np.linspace(0, len(pieces) - 1, _SAMPLED, dtype=int))]
        each, dice = -(-wanted // len(picked)), np.random.default_rng(0)
        parts = []
        for number, piece in picked:
            for _, vectors in self.vectors.planned(self.plan, number, piece):
                parts.append(vectors[dice.permutation(len(vectors))[:each]])
        return np.concatenate(parts)

    def _set_threads(self) -> None:
        if self.threads:
            faiss.omp_set_num_threads(self.threads)
