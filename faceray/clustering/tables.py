"""The tables that clustering writes: every column, and how a table is replaced as a whole."""

import hashlib
import time
from collections.abc import Iterable, Iterator

import pyarrow as pa
from deltalake import CommitProperties
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction

from faceray.errors import UserError
from faceray.results.parts import write_part
from faceray.results.schema import Column
from faceray.results.table import Table
from faceray.storage import Folder

_FILE_ROWS = 262_144

IDENTITY_COLUMNS = (
    Column("face_id", pa.int64(), "the face, as in the faces table; the key of this table"),
    Column("image_id", pa.int64(), "its image"),
    Column("uri", pa.string(), "the image's address"),
    Column("identity", pa.int64(), "number of the person; null: too poor to tell, or without embedding", True),
    Column("name", pa.string(), "the person's name, where one is known", True),
    Column("confidence", pa.float32(), "part of the face's links that lead to its person, 0 to 1; null without", True),
    Column("similarity", pa.float32(), "mean cosine similarity of the links to its person; null without", True),
    Column("is_core", pa.bool_(), "whether the face took part in the clustering; others were attached afterwards"),
    Column("run_id", pa.string(), "the run that wrote the row"),
)
PEOPLE_COLUMNS = (
    Column("identity", pa.int64(), "number of the person, given once and for ever; the key of this table"),
    Column("name", pa.string(), "null where nobody has said it", True),
    Column("named_by", pa.string(), "`labels`, `gallery`, or `before`: the name that the number had already", True),
    Column("faces", pa.int64(), "how many, attached ones included; 0 for a number that is not used any more"),
    Column("core_faces", pa.int64(), "of these, how many took part in the clustering"),
    Column("images", pa.int64(), "how many images they are in"),
    Column("cohesion", pa.float32(), "mean similarity of the links between its faces; null without any", True),
    Column("cover_face_id", pa.int64(), "the face of highest quality", True),
    Column("became", pa.int64(), "of a number not used any more: the person who has most of its faces now", True),
    Column("run_id", pa.string(), "the run that last had faces for it"),
)
HASH_COLUMNS = (
    Column("image_id", pa.int64(), "the image, as in the images table; the key of this table"),
    Column("uri", pa.string(), "its address"),
    Column("version", pa.string(), "of the image that was hashed"),
    Column("status", pa.string(), "`ok`, or why there is no hash"),
    Column("models", pa.string(), "kind of the hash: others are not comparable"),
    Column("hash", pa.int64(), "perceptual hash, 64 bits; null for a picture of one colour", True),
    Column("width", pa.int32(), "pixels", True),
    Column("height", pa.int32(), "pixels", True),
    Column("bytes", pa.int64(), "size of the file", True),
)
DUPLICATE_COLUMNS = (
    Column("image_id", pa.int64(), "a photo that has near-duplicates, itself included"),
    Column("uri", pa.string(), "its address"),
    Column("best_image_id", pa.int64(), "the photo of its group with most pixels, then most bytes; names the group"),
    Column("distance", pa.int32(), "bits in which the hashes of these two differ"),
    Column("width", pa.int32(), "pixels"),
    Column("height", pa.int32(), "pixels"),
    Column("bytes", pa.int64(), "size of the file", True),
)


def _schema(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([pa.field(c.name, c.type, nullable=c.nullable, metadata={"doc": c.doc}) for c in columns])


IDENTITIES, PEOPLE = _schema(IDENTITY_COLUMNS), _schema(PEOPLE_COLUMNS)
HASHES, DUPLICATES = _schema(HASH_COLUMNS), _schema(DUPLICATE_COLUMNS)


def replace_rows(table: Table, batches: Iterable[pa.Table], run_id: str) -> None:
    """Put these rows in the place of all others, in one atomic step; the old files are deleted afterwards.

    Batches are gathered into files of _FILE_ROWS rows or more.

    Raises:
        UserError: the table cannot be written, or another run has written to it.
    """
    table.create()
    assert table.delta is not None, "it has just been made"
    actions = [_add(table.folder, f"{run_id} {number}", batch) for number, batch in enumerate(_gathered(batches))]
    try:
        table.delta.create_write_transaction(
            actions, "overwrite", table.schema, commit_properties=CommitProperties(max_commit_retries=0)
        )
    except CommitFailedError as error:
        raise UserError(f"another run has written to {table.folder.uri} meanwhile: start again") from error
    table.delta.update_incremental()
    table.vacuum()


def _gathered(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    pending: list[pa.Table] = []
    for batch in batches:
        pending.append(batch)
        if sum(table.num_rows for table in pending) >= _FILE_ROWS:
            yield pa.concat_tables(pending)
            pending = []
    if pending:
        yield pa.concat_tables(pending)


def _add(folder: Folder, key: str, rows: pa.Table) -> AddAction:
    part = write_part(folder, f"part-{hashlib.sha256(key.encode()).hexdigest()[:32]}.parquet", rows)
    stats = f'{{"numRecords": {rows.num_rows}}}'
    return AddAction(str(part["path"]), int(str(part["size"])), {}, int(time.time() * 1000), True, stats)
