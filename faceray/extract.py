"""The extract job: embeddings out of the faces tables, for programs that know no such tables."""

import io
import posixpath
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.gallery.files import write_file
from faceray.gallery.filters import Filter
from faceray.gallery.idmap import IDS, ids_writer
from faceray.gallery.index import Index
from faceray.gallery.plan import Vectors, write_plan
from faceray.gallery.selection import Wanted, selecting
from faceray.gallery.tables import FaceTables
from faceray.options import listed
from faceray.storage import Folder, StorageOptions

Batches = Iterator[tuple[pa.Table, NDArray[np.float32]]]


@dataclass(frozen=True)
class ExtractOptions:
    """Write embeddings as files that other programs read.

    Args:
        faces: what was given to annotate as `--output`; several, separated by commas.
        output: folder or bucket prefix of the files.
        kind: `images`: one file `FOLDER/NAME.npy` for each picture, of its largest face, as the feature extraction of
            face_analysis_pytorch names them; `matrix`: all in `embeddings.npy`; `faiss`: a FAISS index `index.faiss`;
            `parquet`: all in `embeddings.parquet`. With `matrix` and `faiss`, `ids.parquet` says in the same order
            whose they are.
        min_quality: faces of at least this quality, 0 to 1.
        min_score: faces of at least this confidence of the detector, 0 to 1.
        since: faces annotated by runs that started on this UTC day or later, such as 2026-11-22.
        where: a condition in SQL on the columns of the faces table, such as `face_index = 0 AND abs(yaw) < 30`.
        storage: how buckets are reached.
    """

    faces: str
    output: str
    kind: Literal["images", "matrix", "faiss", "parquet"] = "matrix"
    min_quality: float = 0.0
    min_score: float = 0.0
    since: str = ""
    where: str = ""
    storage: StorageOptions = field(default_factory=StorageOptions)

    def __post_init__(self) -> None:
        for name in ("faces", "output"):
            if not getattr(self, name):
                raise UserError(f"--{name} is empty")
        self.filter  # noqa: B018  is wrong at once or not at all

    @property
    def filter(self) -> Filter:
        """Which faces of the tables."""
        return Filter(self.min_quality, self.min_score, self.since, self.where)


def extract(options: ExtractOptions) -> int:
    """Write them. Returns how many embeddings there are.

    Raises:
        UserError: no such tables, no faces, or two pictures that would be the same file.
    """
    output, tables = Folder.at(options.output, options.storage), FaceTables(listed(options.faces), options.storage)
    where = f"({options.filter.where or 'true'}) AND face_index = 0" if options.kind == "images" else options.where
    chosen = Filter(options.min_quality, options.min_score, options.since, where)
    with (
        selecting(Wanted(tables, chosen)) as selection,
        tempfile.TemporaryDirectory(prefix="faceray-") as temporary,
    ):
        if not selection.added:
            raise UserError("no face of the tables passes the filters")
        dimension = selection.dimension()
        tables.contract(selection.runs, dimension)  # of one network only: others cannot be compared
        selection.place(0)
        plan = Folder.at(temporary)
        if options.kind == "images":
            _check_names(selection.placed())
        write_plan(selection.placed(), plan, [selection.added])
        batches = Vectors(tables.folders, (), dimension).planned(plan, 0)
        return _WRITERS[options.kind](output, batches, dimension)


def _write_images(output: Folder, batches: Batches, dimension: int) -> int:
    count = 0
    for ids, vectors in batches:
        contents = {
            f"{output.path}/{_name(uri)}": _npy(v) for uri, v in zip(ids["uri"].to_pylist(), vectors, strict=True)
        }
        if output.is_local:
            for parent in {posixpath.dirname(path) for path in contents}:
                output.files.makedirs(parent, exist_ok=True)
        output.files.pipe(contents)
        count += len(contents)
    return count


def _write_matrix(output: Folder, batches: Batches, dimension: int) -> int:
    """The vectors wait on disk until it is known how many there are: that comes first in the file."""
    with tempfile.TemporaryFile(prefix="faceray-") as waiting:
        count = _write_ids(output, batches, lambda vectors: waiting.write(vectors.tobytes()))
        waiting.seek(0)

        def write(file: Any) -> None:
            header = {"descr": "<f4", "fortran_order": False, "shape": (count, dimension)}
            np.lib.format.write_array_header_1_0(file, header)
            shutil.copyfileobj(waiting, file, 1 << 22)

        write_file(output, "embeddings.npy", write)
    return count


def _write_faiss(output: Folder, batches: Batches, dimension: int) -> int:
    index = Index.make("Flat", dimension)
    _write_ids(output, batches, index.add)
    write_file(output, "index.faiss", index.write)
    return index.faces


def _write_parquet(output: Folder, batches: Batches, dimension: int) -> int:
    schema = pa.schema([*(f for f in IDS if f.name != "identity"), ("embedding", pa.list_(pa.float32(), dimension))])
    count = 0

    def write(file: Any) -> None:
        nonlocal count
        with pa.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for ids, vectors in batches:
                column = pa.FixedSizeListArray.from_arrays(vectors.reshape(-1), dimension)
                writer.write_table(ids.drop_columns("identity").append_column("embedding", column).cast(schema))
                count += len(vectors)

    write_file(output, "embeddings.parquet", write)
    return count


def _write_ids(output: Folder, batches: Batches, take: Callable[[NDArray[np.float32]], Any]) -> int:
    """Write `ids.parquet`, and give the vectors to somebody else."""
    count = 0

    def write(file: Any) -> None:
        nonlocal count
        with ids_writer(file) as writer:
            for ids, vectors in batches:
                take(vectors)
                writer.write_table(ids)
                count += len(vectors)

    write_file(output, "ids.parquet", write)
    return count


_WRITERS = {"images": _write_images, "matrix": _write_matrix, "faiss": _write_faiss, "parquet": _write_parquet}


def _check_names(tables: Iterator[pa.Table]) -> None:
    taken: dict[str, str] = {}
    for table in tables:
        for uri in table["uri"].to_pylist():
            other = taken.setdefault(_name(uri), uri)
            if other != uri:
                raise UserError(f"{uri} and {other} would both become {_name(uri)}: extract them apart, see --where")


def _name(uri: str) -> str:
    """`folder/name.npy` of a picture's address."""
    parent, name = posixpath.split(uri)
    return posixpath.join(posixpath.basename(parent), f"{name.rpartition('.')[0] or name}.npy")


def _npy(vector: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, vector)
    return buffer.getvalue()
