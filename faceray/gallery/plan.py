"""The plan of a build: for each new shard a file of rows that say where its vectors are and whom they are of."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from faceray.gallery.idmap import IDS
from faceray.gallery.index import unit
from faceray.gallery.shard import Shard
from faceray.gallery.tables import ahead, matrix, open_parquet
from faceray.storage import Folder

# `source` is NUMBER/FILE for a file of a table's folder, or the name of an index among the shards
PLANNED = pa.schema([("source", pa.string()), ("position", pa.int64()), *IDS])
PIECE = 16_384  # rows that are worked on, and later read, at a time
Floats = NDArray[np.float32]


def split(faces: int, most: int) -> list[int]:
    """Sizes of shards: as few as hold all with at most `most` in each, and as equal as they can be."""
    count = -(-faces // most)
    return [faces // count + (number < faces % count) for number in range(count)]


def write_plan(rows: Iterable[pa.Table], folder: Folder, sizes: list[int]) -> None:
    """Write a file of PLANNED for each of the sizes, in row groups of PIECE rows."""
    waiting = _Rows(rows)
    if folder.is_local:
        folder.files.makedirs(folder.path, exist_ok=True)
    for number, size in enumerate(sizes):
        with (
            folder.files.open(f"{folder.path}/{number:05}.parquet", "wb") as file,
            pa.parquet.ParquetWriter(file, PLANNED, compression="zstd") as writer,
        ):
            for start in range(0, size, PIECE):
                writer.write_table(waiting.take(min(PIECE, size - start)), row_group_size=PIECE)


class _Rows:
    """Tables of any length, taken in the lengths that are asked for."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._tables, self._rest = iter(tables), PLANNED.empty_table()

    def take(self, count: int) -> pa.Table:
        while self._rest.num_rows < count:
            self._rest = pa.concat_tables([self._rest, next(self._tables).select(PLANNED.names).cast(PLANNED)])
        taken, self._rest = self._rest.slice(0, count), self._rest.slice(count)
        return taken


class Vectors:
    """Reads the vectors of planned rows, wherever they are.

    Args:
        folders: of the tables. shards: of the gallery that is changed.
    """

    def __init__(self, folders: list[Folder], shards: tuple[Shard, ...], dimension: int) -> None:
        self.folders, self.dimension = folders, dimension
        self.shards = {shard.card.index.name: shard for shard in shards}

    def planned(self, folder: Folder, number: int, piece: int | None = None) -> Iterator[tuple[pa.Table, Floats]]:
        """Rows of IDS and their vectors, float32 (m, dimension), of unit length, without faces that have no embedding.

        Args:
            number: of the plan's file. piece: only this one, counted from 0.

        Raises:
            UserError: a file is gone, damaged, or has embeddings of another length.
        """
        with open_parquet(folder, f"{number:05}.parquet") as plan:
            for group in range(plan.num_row_groups) if piece is None else (piece,):
                table = plan.read_row_group(group)
                sources = table["source"].combine_chunks().dictionary_encode()
                codes = np.asarray(sources.indices)
                rows = [(s, table.filter(pa.array(codes == n))) for n, s in enumerate(sources.dictionary.to_pylist())]
                parts = list(ahead(self._read, rows))
                yield pa.concat_tables([ids for ids, _ in parts]), np.concatenate([v for _, v in parts])

    def _read(self, rows: tuple[str, pa.Table]) -> tuple[pa.Table, Floats]:
        """Rows of one source."""
        source, table = rows
        positions, ids = np.asarray(table["position"]), table.select(IDS.names)
        if source in self.shards:
            shard = self.shards[source]
            return ids, shard.vectors(positions + shard.first)
        number, _, name = source.partition("/")
        with open_parquet(self.folders[int(number)], name) as file:
            vectors, present = matrix(_embeddings(file, positions), self.dimension, name)
        vectors, usable = unit(vectors)
        return ids.take(pa.array(np.flatnonzero(present)[usable])), vectors[usable]


def _embeddings(file: pa.parquet.ParquetFile, positions: NDArray[np.int64]) -> pa.ChunkedArray:
    """The column `embedding` at these rows, which ascend; only row groups that have any of them are read."""
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    ends = np.cumsum(sizes)
    groups = np.searchsorted(ends, positions, side="right")
    read = np.unique(groups).tolist()
    firsts = np.zeros(len(sizes), np.int64)
    firsts[read] = np.cumsum([0, *(sizes[group] for group in read[:-1])])
    column = file.read_row_groups(read, columns=["embedding"])["embedding"]
    return column.take(pa.array(positions - (ends[groups] - np.asarray(sizes)[groups]) + firsts[groups]))
