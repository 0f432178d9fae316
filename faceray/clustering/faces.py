"""The faces that are to be clustered: where they lie, and a shard of them in memory."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.results.schema import FACES, IMAGES
from faceray.results.table import Table
from faceray.storage import Folder, StorageOptions

SHARD_FACES = 262_144  # 134 MB of embeddings of 128 numbers
_SAMPLE_FILES, _CHOICE = 32, 4  # a sample is of so many files at least, and one of so many faces in them at most
_LARGE = ("face_id", "quality", "score", "embedding")
_SMALL = ("face_id", "image_id", "face_index", "quality", "score")


@dataclass(frozen=True)
class Shard:
    """Faces with an embedding.

    ids: int64 (n,), face ids.
    vectors: float32 (n, dimension), unit length.
    good: bool (n,), whether a face is clear enough to be clustered.
    """

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]
    good: NDArray[np.bool_]

    def first(self, count: int) -> "Shard":
        """The so many first faces."""
        return Shard(self.ids[:count], self.vectors[:count], self.good[:count])


@dataclass(frozen=True)
class FaceShards:
    """The files of a faces table, as its log stands now, in groups that fit into memory. Small: it travels to workers.

    Attributes:
        folder: of the table.
        shards: names of the files of each shard.
        min_quality, min_score: what makes a face good.
    """

    folder: Folder
    shards: tuple[tuple[str, ...], ...]
    min_quality: float = 0.0
    min_score: float = 0.0

    @classmethod
    def of(
        cls,
        output: str,
        storage: StorageOptions | None = None,
        min_quality: float = 0.0,
        min_score: float = 0.0,
        shard_faces: int = SHARD_FACES,
    ) -> "FaceShards":
        """The shards of what annotate wrote to `output`.

        Raises:
            UserError: there is no faces table, or it holds embeddings of different networks.
        """
        place = Folder.at(output, storage)
        table = Table(place / "faces", FACES)
        if table.delta is None:
            raise UserError(f"no faces table in {output}: is it the --output of annotate?")
        _check_models(place, output)
        actions = pa.table(table.delta.get_add_actions(flatten=True))
        sizes = sorted(zip(actions["path"].to_pylist(), actions["num_records"].to_pylist(), strict=True))
        return cls(table.folder, _groups(sizes, shard_faces), min_quality, min_score)

    def everyone(self) -> pa.Table:
        """Columns face_id, image_id, face_index, quality and score of all faces, ordered by face_id."""
        return self._read([name for shard in self.shards for name in shard], _SMALL).sort_by("face_id")

    def read(self, shard: int) -> Shard:
        """The faces of one shard, ordered by id.

        Raises:
            UserError: the table has changed meanwhile, or embeddings are of different lengths.
        """
        return self._shard(self._read(self.shards[shard], _LARGE))

    def sample(self, count: int) -> Shard:
        """So many good faces from all over the table, fewer where it has fewer; the same ones as long as its files
        are. Names of files and ids of faces are hashes: the first files and the smallest ids are a random choice."""
        names = sorted(name for shard in self.shards for name in shard)
        tables: list[pa.Table] = []
        while names and sum(table.num_rows for table in tables) < _CHOICE * count:
            tables.append(self._read(names[:_SAMPLE_FILES], _LARGE))
            del names[:_SAMPLE_FILES]
        some = self._shard(pa.concat_tables(tables))
        chosen = np.flatnonzero(some.good)[:count]
        return Shard(some.ids[chosen], some.vectors[chosen], some.good[chosen])

    def _shard(self, table: pa.Table) -> Shard:
        table = table.filter(pc.is_valid(table["embedding"])).sort_by("face_id")
        lengths = pc.unique(pc.list_value_length(table["embedding"])).to_pylist()
        if len(lengths) > 1:
            raise UserError(f"{self.folder.uri} has embeddings of different lengths: run annotate to its end")
        flat = table["embedding"].combine_chunks().flatten()
        vectors = np.asarray(flat, np.float32).reshape(table.num_rows, *lengths or [0])
        good = is_good(table, self.min_quality, self.min_score)
        return Shard(np.asarray(table["face_id"]), np.ascontiguousarray(vectors), good)

    def _read(self, names: list[str] | tuple[str, ...], columns: tuple[str, ...]) -> pa.Table:
        paths = [f"{self.folder.path}/{name}" for name in names]
        if not paths:
            return FACES.empty_table().select(list(columns))
        try:
            files = pyarrow.dataset.dataset(paths, FACES, format="parquet", filesystem=self.folder.files)
            return files.to_table(columns=list(columns))
        except FileNotFoundError as error:
            raise UserError(f"{self.folder.uri} has changed meanwhile: start again when annotate has ended") from error


def is_good(faces: pa.Table, min_quality: float, min_score: float) -> NDArray[np.bool_]:
    """bool (n,): faces of at least this quality and this confidence of the detector."""
    return np.asarray((np.asarray(faces["quality"]) >= min_quality) & (np.asarray(faces["score"]) >= min_score))


def _check_models(place: Folder, output: str) -> None:
    """Embeddings of two networks cannot be compared; a run that was stopped leaves some of both."""
    images = Table(place / "images", IMAGES).dataset()
    scanner = images.scanner(columns=["models"], filter=pc.field("face_count") > 0)
    models = {value for batch in scanner.to_batches() for value in pc.unique(batch["models"]).to_pylist()}
    if len(models) > 1:
        raise UserError(f"{output} has faces of {len(models)} sets of networks: run annotate to its end first")


def _groups(sizes: list[tuple[str, int]], most: int) -> tuple[tuple[str, ...], ...]:
    """Names in their order, in groups of at most so many rows, but at least one file."""
    groups: list[list[str]] = []
    rows = most
    for name, count in sizes:
        if rows + count > most:
            groups.append([])
            rows = 0
        groups[-1].append(name)
        rows += count
    return tuple(map(tuple, groups))
