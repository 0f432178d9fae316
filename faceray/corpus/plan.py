"""The work of a run: what is listed, less what the tables already have. Joined by DuckDB, out of core."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet

from faceray.corpus.before import Before
from faceray.corpus.status import Status
from faceray.forgotten import IS_FORGOTTEN
from faceray.storage import Folder

RETRIED = (Status.FETCH_ERROR, Status.FORBIDDEN, Status.NOT_FOUND)  # may end differently tomorrow
_BY_MODELS = (Status.OK, Status.FAILED, Status.CRASHED, Status.TIMEOUT)  # may end differently with other models
FILE_ROWS = 65_536  # of a plan: as many rows as one of its files has
_PIECE_ROWS = 64


def _among(statuses: Iterable[Status]) -> str:
    return f"IN ({', '.join(repr(str(status)) for status in statuses)})"


_REASON = f"""
    CASE WHEN {IS_FORGOTTEN} THEN 'forgotten'
         WHEN done.version IS NULL THEN 'new'
         WHEN done.version <> listed.version THEN 'changed'
         WHEN done.status {_among(RETRIED)} THEN 'retried'
         WHEN done.models = $models OR NOT done.status {_among(_BY_MODELS)} THEN 'already_done'
         WHEN NOT done.keeps_faces THEN 'model_changed'
         WHEN done.face_count = 0 THEN 'relabelled'
         ELSE 'recomputed' END
"""
_LEFT_ALONE = ("already_done", "forgotten", "relabelled")


@dataclass(frozen=True)
class Plan:
    """Counts of a run to come.

    Attributes:
        listed: images at the input, each once; `duplicates` more were listed again.
        by_reason: images that are `new`, `changed` (another version), `retried`, `model_changed`, `recomputed` (the
            detector is the same: the faces stay, and get new embeddings or attributes), `relabelled` (likewise, and
            there are no faces: only the row's models change), `forgotten`, or `already_done`.
        planned: images to do now; less than the sum of the reasons only with `--limit`.
        bytes: their size, where the listing knows it.
        gone, back, relabelled: ids (int64) of images in the table that are no longer listed, that are listed again
            though they were gone, and see above.
        pieces: files of the plan, each with its number of row groups; a row group is what one task takes.
    """

    listed: int
    duplicates: int
    by_reason: dict[str, int]
    planned: int
    bytes: int
    gone: pa.Int64Array
    back: pa.Int64Array
    relabelled: pa.Int64Array
    pieces: list[int] = field(default_factory=list)

    @property
    def deferred(self) -> int:
        """Images that `--limit` leaves for a later run."""
        return self.listed - sum(self.by_reason.get(reason, 0) for reason in _LEFT_ALONE) - self.planned

    @property
    def marks(self) -> bool:
        """Whether rows of the images table are to be changed before the work begins."""
        return bool(len(self.gone) or len(self.back) or len(self.relabelled))


def make_plan(
    source: Iterable[pa.RecordBatch],
    done: pa.dataset.Dataset | None,
    models: str,
    limit: int | None,
    folder: Folder | None,
    on_listed: Callable[[int], None] = lambda _: None,
    before: Before | None = None,
) -> Plan:
    """Compare a listing with the images table.

    Args:
        source: batches of LISTING.
        done: the images table; None before the first run.
        models: fingerprint of this run's networks.
        limit: at most this many images are planned.
        folder: where the plan's Parquet files go; None only counts.
        on_listed: told how many images have been listed so far.
        before: what else is known of the images table; without it nothing is gone, forgotten or recomputed.
    """
    before = before or Before()
    with tempfile.TemporaryDirectory() as temporary, duckdb.connect(str(Path(temporary) / "plan.db")) as db:
        db.execute("SET preserve_insertion_order = true; SET threads = 2; SET memory_limit = '2GB'")
        _load(db, source, on_listed)
        before.register(db, done, models)
        db.execute(
            f"""CREATE TABLE plan AS
            SELECT listed.*, done.version IS NOT NULL AS replaces, coalesce(done.gone, false) AS gone,
            {_REASON} AS reason
            FROM listed LEFT JOIN done USING (image_id)""",
            {"models": models},
        )
        reasons: dict[str, int] = dict(db.execute("SELECT reason, count(*) FROM plan GROUP BY ALL").fetchall())
        kept = before.register_kept(db, models) if reasons.get("recomputed") else "FROM plan"
        db.execute(
            f"CREATE VIEW todo AS SELECT * EXCLUDE (position, reason, gone) FROM (SELECT plan.* {kept}) "
            f"WHERE reason NOT IN {_LEFT_ALONE} ORDER BY position {f'LIMIT {limit}' if limit else ''}"
        )
        planned, size = _one_row(db, "SELECT count(*), coalesce(sum(bytes), 0)::BIGINT FROM todo")
        total, listed = _one_row(db, "SELECT (SELECT count(*) FROM listing), (SELECT count(*) FROM listed)")
        return Plan(
            listed,
            total - listed,
            reasons,
            planned,
            size,
            gone=before.gone(db),
            back=_ids(db, "SELECT image_id FROM plan WHERE gone AND reason IN ('already_done', 'relabelled')"),
            relabelled=_ids(db, "SELECT image_id FROM plan WHERE reason = 'relabelled'"),
            pieces=write_pieces(db.sql("SELECT * FROM todo").to_arrow_reader(FILE_ROWS), folder) if folder else [],
        )


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


def _ids(db: duckdb.DuckDBPyConnection, query: str) -> pa.Int64Array:
    return pa.array(db.execute(query).fetchnumpy()["image_id"], pa.int64())


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
    """One row group of a plan: columns of LISTING, `replaces`: the image has rows that are to be replaced; and, where
    some images are recomputed, `refresh` and `known_faces` (see Before.register_kept).
    """
    with folder.files.open(f"{folder.path}/{file:05}.parquet", "rb") as handle:
        return pa.parquet.ParquetFile(handle).read_row_group(group)
