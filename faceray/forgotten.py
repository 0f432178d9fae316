"""Pictures that must not come back: `OUT/forgotten/`, a list that every plan respects."""

import hashlib
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet

from faceray.storage import Folder

FOLDER = "forgotten"
FORGOTTEN = pa.schema([("image_id", pa.int64()), ("prefix", pa.string())])  # each row has one of the two

# SQL for DuckDB: whether a row with columns `image_id` and `uri` is on the registered list `forgotten`
IS_FORGOTTEN = """(
    image_id IN (SELECT f.image_id FROM forgotten f WHERE f.image_id IS NOT NULL)
    OR EXISTS (SELECT 1 FROM forgotten f WHERE starts_with(uri, f.prefix)))
"""


def list_of(images: Iterable[int], prefixes: Iterable[str]) -> pa.Table:
    """Rows of FORGOTTEN."""
    ids, texts = sorted(set(images)), sorted(set(prefixes))
    return pa.table([ids + [None] * len(texts), [None] * len(ids) + texts], schema=FORGOTTEN)


def remember(output: Folder, images: Iterable[int], prefixes: Iterable[str]) -> str:
    """Put images, and whatever has these prefixes in its URI, on the list of an output. Returns the part's name.

    Only hashes of addresses are kept of images. A prefix stands as it is, since pictures that do not exist yet must be
    recognised by it. The same request makes the same file.
    """
    table = list_of(images, prefixes)
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(table, sink)
    content = sink.getvalue().to_pybytes()
    name = f"part-{hashlib.sha256(content).hexdigest()[:32]}.parquet"
    (output / FOLDER).write(name, content)
    return name


def forgotten(output: Folder) -> pa.Table:
    """The whole list: rows of FORGOTTEN; none where nothing was ever forgotten."""
    folder = output / FOLDER
    parts = [name for name in folder.names() if name.startswith("part-") and name.endswith(".parquet")]
    tables = [pa.parquet.read_table(pa.BufferReader(folder.read(name)), schema=FORGOTTEN) for name in parts]
    return pa.concat_tables([FORGOTTEN.empty_table(), *tables])
