"""The proof that pictures are forgotten: what was there, what is there, and a search through every file."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset

from faceray.forgotten import FOLDER, IS_FORGOTTEN
from faceray.results.table import Table
from faceray.storage import Folder


@dataclass(frozen=True)
class Searched:
    """One table or gallery, before and after.

    Attributes:
        before: rows, or vectors, that there were.
        files: that are there now and were searched, whether a log names them or not.
        found: rows or vectors of forgotten pictures that were come upon again; 0 when all went well.
    """

    name: str
    before: int
    after: int
    files: int
    found: int

    @property
    def removed(self) -> int:
        """Rows or vectors that are no more."""
        return self.before - self.after


@dataclass(frozen=True)
class Proof:
    """What becomes `forgotten/ID.json`. Holds no address of a picture.

    Attributes:
        asked: how many addresses, prefixes and faces were named.
        unknown_faces: of those named; nothing can be done about them.
        listed: the part of the list of forgotten pictures that the request made.
        copies: pictures that stay and have the same bytes as a removed one: to be decided by people.
        deleted: other files of the output that showed or named pictures.
    """

    id: str
    asked: dict[str, int]
    unknown_faces: int
    listed: str
    searched: tuple[Searched, ...]
    copies: int
    deleted: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing of what was forgotten was found again."""
        return not any(s.found for s in self.searched)

    def record(self) -> dict[str, Any]:
        """As saved."""
        searched = [asdict(s) | {"removed": s.removed} for s in self.searched]
        return {**asdict(self), "searched": searched, "clean": self.clean}


def search(table: Table, before: int, forgotten: pa.Table) -> Searched:
    """Look through every Parquet file in a table's folder for rows of forgotten pictures.

    Args:
        before: rows that the table had.
        forgotten: rows of faceray.forgotten.FORGOTTEN.
    """
    folder = table.folder
    paths = [f"{folder.path}/{name}" for name in folder.names() if name.endswith(".parquet")]
    everything = pa.dataset.dataset(paths, table.schema, format="parquet", filesystem=folder.files)
    with duckdb.connect() as db:
        db.register("forgotten", forgotten)
        db.register("everything", everything)
        ((found,),) = db.execute(f"SELECT count(*) FROM everything WHERE {IS_FORGOTTEN}").fetchall()
    name = folder.uri.rpartition("/")[2]
    return Searched(name, before, table.dataset().count_rows(), len(paths), int(found))


def save(output: Folder, proof: Proof) -> str:
    """Write `forgotten/ID.json`; returns its address."""
    folder = output / FOLDER
    folder.write(f"{proof.id}.json", json.dumps(proof.record(), indent=2).encode() + b"\n")
    return f"{folder.uri}/{proof.id}.json"
