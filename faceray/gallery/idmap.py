"""The id map of a shard: a row for each of its vectors, in their order."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

ENTRIES = pa.schema(
    [
        pa.field("face_id", pa.int64()),
        pa.field("image_id", pa.int64()),
        pa.field("uri", pa.string()),
        pa.field("identity", pa.string()),  # null: nobody has said who it is
        *(pa.field(name, pa.float32()) for name in ("x1", "y1", "x2", "y2", "score", "quality")),
    ]
)
IDS = pa.schema(
    [*ENTRIES, pa.field("run_id", pa.string())]
)  # what a file has: tells whether a face was annotated again


def ids_writer(sink: Any) -> pa.parquet.ParquetWriter:
    """Writes tables of IDS as one Parquet file."""
    return pa.parquet.ParquetWriter(sink, IDS, compression="zstd")


def read_rows(file: pa.parquet.ParquetFile, rows: NDArray[np.int64]) -> pa.Table:
    """ENTRIES of these rows, in their order; only the row groups that have any of them are read."""
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    ends = np.cumsum(sizes)
    groups = np.searchsorted(ends, rows, side="right")
    order = np.argsort(groups, kind="stable")
    parts = [ENTRIES.empty_table()]
    for group in np.unique(groups):
        wanted = rows[order][groups[order] == group] - (ends[group] - sizes[group])
        parts.append(file.read_row_group(int(group), columns=ENTRIES.names).cast(ENTRIES).take(pa.array(wanted)))
    return pa.concat_tables(parts).take(pa.array(np.argsort(order, kind="stable")))
