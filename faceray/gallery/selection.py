"""Which faces come into a gallery and which go: the tables joined with what is there, by DuckDB, out of core."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from faceray.errors import UserError
from faceray.gallery.filters import Filter
from faceray.gallery.idmap import IDS
from faceray.gallery.labels import FOLDER, Removal
from faceray.gallery.shard import Shard
from faceray.gallery.tables import FaceTables

_COLUMNS = [*(name for name in IDS.names if name != "identity"), "face_index"]
_PARENT = r"nullif(regexp_extract(uri, '([^/]+)/[^/]*$', 1), '')"
_CHUNK = 32_768


@dataclass(frozen=True)
class Wanted:
    """What a build is to hold.

    Args:
        tables: where faces are read. filter: which of them.
        labels: who they are: a table of faceray.gallery.labels.LABELS, `folder`, or nothing.
        add: whether faces of the tables are added.
        shards: of the gallery that is changed; none for a gallery that is built anew.
        removal: which faces must go, and stay out. missing: whether those go that the tables no longer have.
        banned: face ids that were removed before, int64.
    """

    tables: FaceTables | None
    filter: Filter
    labels: pa.Table | str = ""
    add: bool = True
    shards: tuple[Shard, ...] = ()
    removal: Removal | None = None
    missing: bool = False
    banned: pa.Array | None = None


class Selection:
    """The result, in tables of a database on disk. Faces of the tables come once, whatever outputs they are in.

    Attributes:
        added: faces that are new. replaced: faces that were annotated again. removed: faces that go.
    """

    def __init__(self, db: duckdb.DuckDBPyConnection, wanted: Wanted) -> None:
        self.db, self.wanted = db, wanted
        self._doomed = wanted.removal.sql if wanted.removal else "false"
        values = wanted.removal.values if wanted.removal else pa.array([], pa.int64())
        db.register("removal", pa.table({"value": values}))
        banned = pa.array([], pa.int64()) if wanted.banned is None else wanted.banned
        db.register("banned_before", pa.table({"face_id": banned}))
        self._read_tables()
        self._label()
        self._read_shards()
        self._compare()

    def _read_tables(self) -> None:
        """`faces`: rows of the tables with `wanted`, whether they pass the filter; others only where that matters."""
        numbers = {"face_id": "BIGINT", "image_id": "BIGINT", "uri": "VARCHAR", "run_id": "VARCHAR"}
        columns = ", ".join(f"{name} {numbers.get(name, 'FLOAT')}" for name in _COLUMNS)
        self.db.execute(f"CREATE TABLE faces (file INTEGER, position BIGINT, {columns}, wanted BOOLEAN)")
        wanted = self.wanted
        condition = f"coalesce({wanted.filter.sql}, false)"
        read = wanted.tables.read(sorted({*_COLUMNS, *wanted.filter.columns})) if wanted.tables else ()
        for number, table in read:
            self.db.register("batch", table)
            try:
                self.db.execute(
                    f"""INSERT INTO faces SELECT {number}, position, {", ".join(_COLUMNS)}, {condition} AS wanted
                    FROM batch WHERE wanted OR {wanted.missing}"""
                )
            except duckdb.Error as error:
                raise UserError(f"--where: {str(error).partition(chr(10))[0]}") from error

    def _label(self) -> None:
        """`labelled`: those that are wanted, each once, with their names."""
        labels = self.wanted.labels
        once = (
            "SELECT DISTINCT ON (face_id) * EXCLUDE (wanted) FROM faces WHERE wanted ORDER BY face_id, file, position"
        )
        if isinstance(labels, str):
            name = f"CASE WHEN face_index = 0 THEN {_PARENT} END" if labels == FOLDER else "NULL::VARCHAR"
            self.db.execute(f"CREATE TABLE labelled AS SELECT *, {name} AS identity FROM ({once})")
            return
        self.db.register("labels", labels)
        self.db.execute(
            f"""CREATE TABLE labelled AS SELECT once.*, coalesce(by_face.identity, by_uri.identity) AS identity
            FROM ({once}) once LEFT JOIN labels by_face ON once.face_id = by_face.face_id
            LEFT JOIN labels by_uri ON once.uri = by_uri.uri AND once.face_index = 0"""
        )

    def _read_shards(self) -> None:
        """`old`: what the gallery has, with `doomed`, whether it was asked to go."""
        self.db.execute(
            "CREATE TABLE old (face_id BIGINT, run_id VARCHAR, identity VARCHAR, shard INTEGER, doomed BOOLEAN)"
        )
        for number, shard in enumerate(self.wanted.shards):
            for batch in shard.rows(["face_id", "image_id", "uri", "identity", "run_id"]):
                self.db.register("batch", batch)
                columns = f"face_id, run_id, identity, {number}, {self._doomed}"
                self.db.execute(f"INSERT INTO old SELECT {columns} FROM batch")

    def _compare(self) -> None:
        """`fresh`: faces to add. `gone`: face ids to take out. `banned`: face ids that stay out from now on."""
        add, missing = self.wanted.add, self.wanted.missing
        self.db.execute(
            f"""CREATE TABLE banned AS SELECT face_id FROM banned_before UNION SELECT face_id FROM old WHERE doomed
                UNION SELECT face_id FROM labelled WHERE {self._doomed};
            CREATE TABLE newer AS SELECT face_id FROM old JOIN labelled USING (face_id)
                WHERE {add} AND old.run_id <> labelled.run_id AND NOT doomed;
            CREATE TABLE gone AS SELECT face_id FROM old WHERE doomed UNION FROM newer
                UNION (SELECT face_id FROM old ANTI JOIN faces USING (face_id) WHERE {missing});
            CREATE TABLE stays AS FROM old ANTI JOIN gone USING (face_id);
            CREATE TABLE fresh AS
                SELECT labelled.* REPLACE (coalesce(labelled.identity, old.identity) AS identity)
                FROM labelled LEFT JOIN old USING (face_id) ANTI JOIN banned USING (face_id)
                ANTI JOIN stays USING (face_id) WHERE {add}"""
        )
        fresh, self.replaced, gone = self._numbers(
            "SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM newer), (SELECT count(*) FROM gone)"
        )
        self.added, self.removed = fresh - self.replaced, gone - self.replaced

    def place(self, small: int) -> tuple[list[int], int]:
        """Gather `placed`: the faces that are added, and the rest of the shards that cannot stay as they are: those
        that lose faces and, where there is something to add, those with fewer than `small`.

        Returns:
            the numbers of these shards, and how many faces are placed.
        """
        touched = {int(n) for (n,) in self._rows("SELECT DISTINCT shard FROM old SEMI JOIN gone USING (face_id)")}
        if self.added or self.replaced:
            touched |= {n for n, shard in enumerate(self.wanted.shards) if shard.card.faces < small}
        columns = ", ".join(IDS.names)
        self.db.execute(f"CREATE TABLE placed AS SELECT file, position, {columns} FROM fresh")
        files = len(self.wanted.tables.files) if self.wanted.tables else 0
        for number in touched:
            for batch in self.wanted.shards[number].rows(IDS.names):
                self.db.register("batch", batch)
                rest = f"SELECT {files + number}, position, {columns} FROM batch ANTI JOIN gone USING (face_id)"
                self.db.execute(f"INSERT INTO placed {rest}")
        return sorted(touched), self._numbers("SELECT count(*) FROM placed")[0]

    def placed(self) -> Iterator[pa.Table]:
        """Rows of faceray.gallery.plan.PLANNED in the order of their sources."""
        tables, shards = self.wanted.tables, self.wanted.shards
        sources = [f"{folder}/{name}" for folder, name in (tables.files if tables else ())]
        named = pa.array([*sources, *(shard.card.index.name for shard in shards)], pa.string())
        for batch in self.db.sql("SELECT * FROM placed ORDER BY file, position").to_arrow_reader(_CHUNK):
            yield pa.Table.from_batches([batch.set_column(0, "source", named.take(batch["file"]))])

    @property
    def runs(self) -> list[tuple[int, str]]:
        """(number of the table, run) of all faces that are added."""
        tables = self.wanted.tables
        found = self._rows("SELECT DISTINCT file, run_id FROM fresh")
        return sorted({(tables.files[file][0], run) for file, run in found}) if tables else []

    @property
    def banned(self) -> pa.Array:
        """Face ids that stay out from now on, int64."""
        ids = self.db.sql("SELECT face_id FROM banned ORDER BY face_id").to_arrow_table()["face_id"]
        return ids.combine_chunks()

    @property
    def identities(self) -> int:
        """Different names in the gallery to be."""
        names = "SELECT identity FROM stays UNION SELECT identity FROM fresh"
        return self._numbers(f"SELECT count(identity) FROM ({names})")[0]

    def dimension(self) -> int:
        """Length of the embeddings of the faces that are added, as the first of their files that has any has it.

        Raises:
            UserError: none has.
        """
        tables = self.wanted.tables
        assert tables, "there are no faces to add without tables"
        for (number,) in self._rows("SELECT DISTINCT file FROM fresh ORDER BY file"):
            with tables.open(number) as file:
                for batch in file.iter_batches(_CHUNK, columns=["embedding"]):
                    lists = batch["embedding"].drop_null()
                    if len(lists):
                        return int(lists.value_lengths()[0].as_py())
        raise UserError("none of the faces has an embedding")

    def _rows(self, query: str) -> list[Any]:
        return list(self.db.execute(query).fetchall())

    def _numbers(self, query: str) -> list[int]:
        return [int(n) for n in self.db.execute(query).fetchall()[0]]


@contextmanager
def selecting(wanted: Wanted) -> Iterator[Selection]:
    """Compare tables and gallery; the database goes at the end.

    Raises:
        UserError: a table or a shard cannot be read.
    """
    with (
        tempfile.TemporaryDirectory(prefix="faceray-") as folder,
        duckdb.connect(str(Path(folder) / "gallery.db"), config={"enable_external_access": "false"}) as db,
    ):
        db.execute("SET threads = 2; SET memory_limit = '2GB'; SET preserve_insertion_order = true")
        yield Selection(db, wanted)
