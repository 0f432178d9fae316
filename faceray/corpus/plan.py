"""The work of a run: what is listed, less what the tables already have. Joined by DuckDB, out of core."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet

from faceray.corpus.source import LISTING
from faceray.corpus.status import Status
from faceray.storage import Folder

RETRIED = (Status.FETCH_ERROR, Status.FORBIDDEN, Status.NOT_FOUND)  # may end differently tomorrow
FILE_ROWS = 65_536  # of a plan: as many rows as one of its files has
_PIECE_ROWS = 64
_REASON = f"""
    CASE WHEN done.image_id IS NULL THEN 'new'
         WHEN done.version <> listed.version THEN 'changed'
         WHEN done.status IN ({", ".join(f"'{s}'" for s in RETRIED)}) THEN 'retried'
         WHEN done.models <> $models AND done.status IN ('{Status.OK}', '{Status.FAILED}') THEN 'model_changed'
         ELSE 'already_done' END
"""


@dataclass(frozen=True)
class Plan:
    """Counts of a run to come.

    Attributes:
        listed: images at the input, each once; `duplicates` more were listed again.
        by_reason: images that are `new`, `changed` (another version), `model_changed`, `retried` or `already_done`.
        planned: images to do now; less than the sum of the reasons only with `--limit`.
        bytes: their size, where the listing knows it.
        pieces: files of the plan, each with its number of row groups; a row group is what one task takes.
    """

    listed: int
    duplicates: int
    by_reason: dict[str, int]
    planned: int
    bytes: int
    pieces: list[int] = field(default_factory=list)

    @property
    def deferred(self) -> int:
        """Images that `--limit` leaves for a later run."""
        return self.listed - self.by_reason.get("already_done", 0) - self.planned


def make_plan(
    source: Iterable[pa.RecordBatch],
    done: pa.dataset.Dataset | None,
    models: str,
    limit: int | None,
    folder: Folder | None,
    on_listed: Callable[[int], None] = lambda _: None,
) -> Plan:
    """Compare a listing with the images table.

    Args:
        source: batches of LISTING.
        done: the images table; None before the first run.
        models: fingerprint of this run's networks.
        limit: at most this many images are planned.
        folder: where the plan's Parquet files go; None only counts.
        on_listed: told how many images have been listed so far.
    """
    with tempfile.TemporaryDirectory() as temporary, duckdb.connect(str(Path(temporary) / "plan.db")) as db:
        db.execute("SET preserve_insertion_order = true; SET threads = 2; SET memory_limit = '2GB'")
        _load(db, source, on_listed)
        db.register("images", LISTING.empty_table() if done is None else done)
        columns = (
            "image_id, version, status, models" if done is not None else "image_id, version, '' status, '' models"
        )
        db.execute(
            f"""CREATE TABLE plan AS
            SELECT listed.*, done.image_id IS NOT NULL AS replaces, {_REASON} AS reason
            FROM listed LEFT JOIN (SELECT {columns} FROM images) done USING (image_id)""",
            {"models": models},
        )
        reasons: dict[str, int] = dict(db.execute("SELECT reason, count(*) FROM plan GROUP BY ALL").fetchall())
        db.execute(
            f"CREATE VIEW todo AS SELECT * EXCLUDE (position, reason) FROM plan WHERE reason <> 'already_done' "
            f"ORDER BY position {f'LIMIT {limit}' if limit else ''}"
        )
        planned, size = _one_row(db, "SELECT count(*), coalesce(sum(bytes), 0)::BIGINT FROM todo")
        total, listed = _one_row(db, "SELECT (SELECT count(*) FROM listing), (SELECT count(*) FROM listed)")
        pieces = write_pieces(db.sql("SELECT * FROM todo").to_arrow_reader(FILE_ROWS), folder) if folder else []
    return Plan(listed, total - listed, reasons, planned, size, pieces)


def _load(db: duckdb.DuckDBPyConnection, source: Iterable[pa.RecordBatch], on_listed: Callable[[int], None]) -> None:
    db.execute("CREATE TABLE listing (position BIGINT, image_id BIGINT, uri VARCHAR, version VARCHAR, bytes BIGINT)")
    count = 0
    for batch in source:
        db.register("batch", pa.Table.from_batches([batch]))
        db.execute(f"INSERT INTO listing SELECT {count} + row_number() OVER (), * FROM batch")
        count += batch.num_rows
        on_listed(count)
    db.execute("CREATE VIEW listed AS SELECT DISTINCT ON (image_id) * FROM listing ORDER BY image_id, position")


def _one_row(db: duckdb.DuckDBPyConnection, query: str) -> tuple[int, int]:
    ((first, second),) = db.execute(query).fetchall()
    return int(first), int(second)


def write_pieces(batches: Iterable[pa.RecordBatch], folder: Folder) -> list[int]:
    """Write a plan: a Parquet file for each batch. Returns how many pieces (row groups) each has.

    Small corpora are cut finer, so that every worker gets something.
    """
    pieces = []
    for number, batch in enumerate(batches):
        rows = max(8, min(_PIECE_ROWS, batch.num_rows // 64))
        sink = pa.BufferOutputStream()
        pa.parquet.write_table(pa.Table.from_batches([batch]), sink, row_group_size=rows)
        folder.write(f"{number:05}.parquet", sink.getvalue().to_pybytes())
        pieces.append(-(-batch.num_rows // rows))
    return pieces


def read_piece(folder: Folder, file: int, group: int) -> pa.Table:
    """One row group of a plan: columns of LISTING, and `replaces`: the image has rows that are to be replaced."""
    with folder.files.open(f"{folder.path}/{file:05}.parquet", "rb") as handle:
        return pa.parquet.ParquetFile(handle).read_row_group(group)
