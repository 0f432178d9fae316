"""One shard of a gallery, opened when it is first needed."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.gallery.card import ShardCard
from faceray.gallery.files import LocalFile
from faceray.gallery.gpu import MOST_K, GpuVectors, on_gpu
from faceray.gallery.idmap import read_rows
from faceray.gallery.index import Index, unit
from faceray.storage import Folder

_PIECE = 65_536
_MOST_OVERHEAD = 1 << 32  # bytes of lists and codes beside the vectors
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


class Shard:
    """Vectors and who they are of. Rows are the gallery's: those of this shard begin at `first`.

    What is sent to another process is the address, not the content. Opening reads every file once to check its sha256;
    then the operating system's cache shares it among the processes of a machine.

    Raises:
        UserError: on first use: a file is missing, or not the one that `gallery.json` describes.
    """

    def __init__(self, folder: Folder, card: ShardCard, first: int, dimension: int) -> None:
        self.folder, self.card, self.first, self.dimension = folder, card, first, dimension

    def __reduce__(self) -> tuple[Any, ...]:
        return Shard, (self.folder, self.card, self.first, self.dimension)

    def search(self, probes: Floats, k: int) -> tuple[Floats, Rows]:
        """As faceray.gallery.gallery.Gallery.search, over this shard."""
        directions, usable = unit(probes)
        if self._gpu and k <= MOST_K:
            scores, rows = self._gpu.search(directions, min(k, self.card.faces))
        else:
            scores, rows = self.index.search(directions, k, self.card.lists, self.card.candidates)
        found = (rows >= 0) & usable[:, None]
        return np.where(found, scores, -np.inf).astype(np.float32), np.where(found, rows + self.first, -1)

    def entries(self, rows: Rows) -> pa.Table:
        """Rows of faceray.gallery.idmap.ENTRIES."""
        return read_rows(self.ids, rows - self.first)

    def vectors(self, rows: Rows) -> Floats:
        """float32 (m, dimension), as stored."""
        return self.index.vectors(rows - self.first)

    def rows(self, columns: list[str]) -> Iterator[pa.Table]:
        """These columns of faceray.gallery.idmap.IDS and `position`, the row in this shard, piece by piece."""
        first = 0
        for batch in self.ids.iter_batches(_PIECE, columns=columns):
            positions = pa.array(np.arange(first, first + batch.num_rows))
            yield pa.Table.from_batches([batch]).append_column("position", positions)
            first += batch.num_rows

    @cached_property
    def index(self) -> Index:
        """The FAISS index."""
        if self.card.index.bytes > self.card.faces * 16 * self.dimension + _MOST_OVERHEAD:
            raise UserError(f"{self.folder.uri}/{self.card.index.name} is too large for what it holds")
        index = Index.read(self._index_file.path)
        if (index.dimension, index.faces) != (self.dimension, self.card.faces):
            raise UserError(
                f"{self.folder.uri}/{self.card.index.name} has {index.faces} vectors of length {index.dimension}, "
                f"but the gallery says {self.card.faces} of {self.dimension}"
            )
        return index

    @cached_property
    def _gpu(self) -> GpuVectors | None:
        return on_gpu(self.index)

    @cached_property
    def ids(self) -> pa.parquet.ParquetFile:
        """The id map."""
        return pa.parquet.ParquetFile(self._ids_file.path, memory_map=True)

    @cached_property
    def _index_file(self) -> LocalFile:
        return LocalFile(self.folder, self.card.index)

    @cached_property
    def _ids_file(self) -> LocalFile:
        return LocalFile(self.folder, self.card.ids)
