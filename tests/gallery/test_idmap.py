"""Rows of an id map by their numbers."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from hypothesis import given
from hypothesis import strategies as st

from faceray.gallery.idmap import ENTRIES, IDS, ids_writer, read_rows


def id_map(sizes: tuple[int, ...]) -> pa.parquet.ParquetFile:
    """An id map whose row groups have these sizes; face ids count from 0."""
    sink, first = io.BytesIO(), 0
    with ids_writer(sink) as writer:
        for size in sizes:
            rows = [{"face_id": first + i, "uri": f"{first + i}.jpg", "x1": first + i} for i in range(size)]
            writer.write_table(pa.Table.from_pylist(rows, schema=IDS))
            first += size
    return pa.parquet.ParquetFile(sink)


FILE = id_map((5, 1, 7, 3))


@given(st.lists(st.integers(0, 15), max_size=30))
def test_rows_come_in_the_order_asked_for_again_and_again(rows: list[int]) -> None:
    found = read_rows(FILE, np.array(rows, np.int64))
    assert found.schema == ENTRIES
    assert found["face_id"].to_pylist() == rows
    assert found["uri"].to_pylist() == [f"{row}.jpg" for row in rows]
    assert found["x1"].to_pylist() == rows
