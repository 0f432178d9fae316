"""The faces tables that a gallery is made from."""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.gallery.card import Contract
from faceray.results.schema import FACES
from faceray.results.table import Table
from faceray.storage import Folder, StorageOptions, without_secrets

_THREADS = 8  # that read ahead: a file far away takes longer to begin than to read
Item = TypeVar("Item")
Result = TypeVar("Result")


class FaceTables:
    """The faces of several outputs of annotate, as their logs stand now.

    Attributes:
        folders: of the tables. files: (number of the folder, name) of every Parquet file.

    Raises:
        UserError: an output has no faces table.
    """

    def __init__(self, outputs: Iterable[str], storage: StorageOptions | None = None) -> None:
        self.outputs = [Folder.at(output, storage) for output in outputs]
        tables = [Table(output / "faces", FACES) for output in self.outputs]
        for output, table in zip(self.outputs, tables, strict=True):
            if table.delta is None:
                raise UserError(f"no faces table in {output.uri}: is it the --output of annotate?")
        self.folders = [table.folder for table in tables]
        self.files = [
            (number, uri.rpartition("/")[2])
            for number, table in enumerate(tables)
            for uri in sorted(table.delta.file_uris() if table.delta else ())
        ]

    def read(self, columns: list[str]) -> Iterator[tuple[int, pa.Table]]:
        """(number of the file, these columns and `position`, the row in its file), file by file.

        Raises:
            UserError: a file is not there any more.
        """

        def one(number: int) -> pa.Table:
            with self.open(number) as file:
                table = file.read(columns=columns)
            return table.append_column("position", pa.array(np.arange(table.num_rows)))

        yield from enumerate(ahead(one, range(len(self.files))))

    def open(self, number: int) -> pa.parquet.ParquetFile:
        """One of the files."""
        folder, name = self.files[number]
        return open_parquet(self.folders[folder], name)

    def contract(self, runs: Iterable[tuple[int, str]], dimension: int) -> Contract:
        """The network that made the embeddings of these runs, each given as (number of the folder, run id).

        Raises:
            UserError: there is more than one, or a run has left no record.
        """
        found = {json.dumps(self._embedding(folder, run_id), sort_keys=True) for folder, run_id in runs}
        if len(found) != 1:
            names = ", ".join(sorted({json.loads(entry)["name"] for entry in found}))
            raise UserError(f"the faces are of {len(found)} embedding networks or settings ({names}): see --since")
        entry = json.loads(found.pop())
        return Contract(
            name=entry["name"], sha256=tuple(entry["sha256"]), settings=entry["settings"], dimension=dimension
        )

    def _embedding(self, folder: int, run_id: str) -> dict[str, Any]:
        runs = self.outputs[folder] / "runs"
        try:
            manifest = json.loads(runs.read(f"{run_id}.json"))
            (entry,) = (model for model in manifest["models"] if model["role"] == "embedding")
            return {key: entry[key] for key in ("name", "sha256", "settings")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{runs.uri}/{run_id}.json does not say which network made the embeddings of its faces"
            ) from error


def open_parquet(folder: Folder, name: str) -> pa.parquet.ParquetFile:
    """A Parquet file of a table, read in pieces.

    Raises:
        UserError: it is not there any more, or is not one.
    """
    try:
        return pa.parquet.ParquetFile(folder.files.open(f"{folder.path}/{name}", "rb"), pre_buffer=True)
    except FileNotFoundError as error:
        raise UserError(f"{folder.uri}/{name} is gone: another run has begun meanwhile, start again") from error
    except Exception as error:  # every file system has its own
        raise UserError(f"cannot read {folder.uri}/{name}: {without_secrets(str(error))}") from error


def matrix(column: pa.ChunkedArray, dimension: int, source: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Embeddings as float32 (m, dimension), and which of the n rows have one.

    Raises:
        UserError: some have another length.
    """
    lists = column.combine_chunks()
    present = np.asarray(lists.is_valid())
    flat, count = np.asarray(lists.flatten(), np.float32), int(present.sum())
    lengths = np.asarray(lists.drop_null().value_lengths())
    if count and not (lengths == dimension).all():
        raise UserError(f"{source} has embeddings of length {lengths[lengths != dimension][0]}, not {dimension}")
    return flat.reshape(count, dimension), present


def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results in order, with a few more being made in threads than are waited for."""
    iterator = iter(items)
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting = [pool.submit(work, item) for item in islice(iterator, _THREADS)]
        while waiting:
            yield waiting.pop(0).result()
            waiting.extend(pool.submit(work, item) for item in islice(iterator, 1))
