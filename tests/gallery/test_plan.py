"""Plans: sizes of shards, and every row in its file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceray.errors import UserError
from faceray.gallery.filters import Filter
from faceray.gallery.plan import PIECE, PLANNED, Vectors, split, write_plan
from faceray.gallery.selection import Wanted, selecting
from faceray.gallery.tables import FaceTables
from faceray.storage import Folder
from tests.gallery.outputs import people, uris, write_output


@given(st.integers(0, 10_000), st.integers(1, 3_000))
def test_shards_are_few_and_equal(faces: int, most: int) -> None:
    sizes = split(faces, most)
    assert sum(sizes) == faces
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
    assert max(sizes, default=0) <= most
    assert len(sizes) == -(-faces // most)


def rows(first: int, count: int) -> pa.Table:
    return pa.Table.from_pylist([{"source": "s", "position": first + i} for i in range(count)], schema=PLANNED)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 50), max_size=6), st.integers(5, 40))
def test_every_row_is_in_its_file(batches: list[int], most: int) -> None:
    folder = Folder.at("memory://gallery/plan")
    folder.remove("")
    firsts = np.cumsum([0, *batches])
    sizes = split(int(firsts[-1]), most)
    write_plan((rows(int(f), n) for f, n in zip(firsts, batches, strict=False)), folder, sizes)
    tables = [pa.parquet.read_table(pa.BufferReader(folder.read(name))) for name in folder.names()]
    assert [table.num_rows for table in tables] == sizes
    assert [p for table in tables for p in table["position"].to_pylist()] == list(range(sum(batches)))


def test_large_files_are_cut_into_pieces(tmp_path: Path) -> None:
    folder = Folder.at(str(tmp_path))
    write_plan([rows(0, 2 * PIECE + 5)], folder, [2 * PIECE + 5])
    file = pa.parquet.ParquetFile(tmp_path / "00000.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [PIECE, PIECE, 5]


def test_vectors_are_those_of_the_rows(tmp_path: Path) -> None:
    """Over files, gaps and faces without an embedding."""
    vectors: list[np.ndarray | None] = list(people(60) * 3)
    vectors[7], vectors[8] = None, np.full(32, np.nan, np.float32)
    ids = write_output(tmp_path / "out", vectors, uris(60), files=4)
    tables = FaceTables([str(tmp_path / "out")])
    plan = Folder.at(str(tmp_path / "plan"))
    with selecting(Wanted(tables, Filter(where="face_id % 3 <> 0"))) as selection:
        selection.place(0)
        write_plan(selection.placed(), plan, split(selection.added, 25))
    reader = Vectors(tables.folders, (), 32)
    read = [part for number in range(len(plan.names())) for part in reader.planned(plan, number)]
    found = {i: v for table, part in read for i, v in zip(table["face_id"].to_pylist(), part, strict=True)}
    expected = {int(i): people(60)[n] for n, i in enumerate(ids) if n not in (7, 8) and np.fmod(i, 3)}
    assert found.keys() == expected.keys()
    assert all(np.allclose(found[i], expected[i], atol=1e-6) for i in found)
    with pytest.raises(UserError, match="embeddings of length 32, not 16"):
        list(Vectors(tables.folders, (), 16).planned(plan, 0))
