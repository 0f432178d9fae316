"""One table: atomic commits, replacement, one writer; and plain Parquet for whoever knows no log."""

from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from deltalake import DeltaTable

from faceray.errors import UserError
from faceray.results.parts import write_part
from faceray.results.schema import FACES, IMAGES, SCHEMA_VERSION
from faceray.results.table import Part, Table
from faceray.storage import Folder
from tests.results.sample_rows import images_of


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.at(f"{tmp_path}/out #1 ü/images")


@pytest.fixture
def table(folder: Folder) -> Table:
    table = Table(folder, IMAGES)
    table.create()
    return table


def part(folder: Folder, name: str, *image_ids: int, run: str = "R") -> Part:
    rows = images_of(*({"image_id": i, "run_id": run} for i in image_ids)).to_table()
    return write_part(folder, f"part-{name}.parquet", rows)


def ids(table: Table) -> list[int]:
    return sorted(table.dataset().to_table()["image_id"].to_pylist())


def test_before_the_first_run_there_is_an_empty_table(folder: Folder) -> None:
    table = Table(folder, IMAGES)
    assert table.dataset().schema.equals(IMAGES)
    assert table.dataset().count_rows() == 0
    assert table.serial == 0
    assert not Path(folder.path).exists()


def test_commits_add_up(folder: Folder, table: Table) -> None:
    assert ids(table) == []
    table.commit(1, [part(folder, "a", 1, 2), part(folder, "b", 3)])
    table.commit(2, [part(folder, "c", 4)])
    table.commit(3)
    for reader in (table, Table(folder, IMAGES)):
        assert ids(reader) == [1, 2, 3, 4]
        assert reader.serial == 3


def test_a_part_is_invisible_until_it_is_committed(folder: Folder, table: Table) -> None:
    table.commit(1, [part(folder, "a", 1)])
    part(folder, "b", 2)
    assert ids(Table(folder, IMAGES)) == [1]


def test_replaced_rows_go_with_the_commit_that_brings_the_new_ones(folder: Folder, table: Table) -> None:
    table.commit(1, [part(folder, "a", 1, 2, 3), part(folder, "b", 4), part(folder, "c", 5, 6)])
    version = table.delta.version()  # type: ignore[union-attr]
    table.commit(2, [part(folder, "d", 2, 4, 7, run="later")], replaced=[2, 4, 99])
    assert table.delta.version() == version + 1  # type: ignore[union-attr]
    rows = Table(folder, IMAGES).dataset().to_table().to_pylist()
    assert {row["image_id"]: row["run_id"] for row in rows} == {
        **dict.fromkeys((1, 3, 5, 6), "R"),
        **dict.fromkeys((2, 4, 7), "later"),
    }
    assert len(rows) == 7


def test_schema_docs_and_null_rules_are_in_the_table(folder: Folder, table: Table) -> None:
    faces = Table(folder / "faces", FACES)
    faces.create()
    for schema, made in ((IMAGES, table), (FACES, faces)):
        stored = {field.name: field for field in DeltaTable(made.location).schema().fields}
        assert list(stored) == schema.names
        for field in schema:
            assert stored[field.name].nullable == field.nullable
            assert stored[field.name].metadata["doc"] == field.metadata[b"doc"].decode()
        assert made.dataset().schema.types == schema.types


def test_the_schema_version_is_in_the_table(table: Table) -> None:
    configuration = DeltaTable(table.location).metadata().configuration
    assert configuration["faceray.schema_version"] == str(SCHEMA_VERSION)


@pytest.mark.parametrize("configuration", [{"faceray.schema_version": "999"}, {}])
def test_tables_of_another_schema_version_are_refused(folder: Folder, configuration: dict[str, str]) -> None:
    folder.write(".made", b"")
    DeltaTable.create(folder.path, IMAGES, configuration=configuration, raise_if_key_not_exists=False)
    with pytest.raises(UserError, match=f"another schema version than this faceray writes \\({SCHEMA_VERSION}\\)"):
        Table(folder, IMAGES)


def test_folders_with_other_files_are_refused(folder: Folder) -> None:
    folder.write("photo.jpg", b"precious")
    with pytest.raises(UserError, match="has files that are not a table's: choose another --output"):
        Table(folder, IMAGES)
    assert folder.names() == ["photo.jpg"]


def test_a_damaged_log_is_refused(folder: Folder, table: Table) -> None:
    Path(folder.path, "_delta_log", "00000000000000000000.json").write_text("no log")
    with pytest.raises(UserError, match="cannot read the table"):
        Table(folder, IMAGES)


@pytest.mark.parametrize("name", ["50%20off", "new\nline"])
def test_names_that_the_log_cannot_have_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"cannot (make|read) the table"):
        Table(Folder.at(f"{tmp_path}/{name}"), IMAGES).create()


def test_a_table_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"cannot (make|read) the table|has files"):
        Table(Folder.at(f"{tmp_path}/file/images"), IMAGES).create()


def test_only_one_of_two_runs_makes_the_table(folder: Folder) -> None:
    first, second = Table(folder, IMAGES), Table(folder, IMAGES)
    first.create()
    with pytest.raises(UserError, match="cannot make the table"):
        second.create()
    first.commit(1, [part(folder, "a", 1)])
    assert ids(first) == [1]


def test_a_second_writer_makes_the_first_one_fail(folder: Folder, table: Table) -> None:
    table.commit(1, [part(folder, "a", 1, 2)])
    second = Table(folder, IMAGES)
    second.commit(2, [part(folder, "b", 3)], replaced=[1])
    for _ in range(2):  # trying again does not help
        with pytest.raises(UserError, match="another run"):
            table.commit(2, [part(folder, "c", 4)], replaced=[2])
    assert ids(Table(folder, IMAGES)) == [2, 3]
    second.commit(3, [part(folder, "d", 5)])
    assert ids(Table(folder, IMAGES)) == [2, 3, 5]


def test_vacuum_leaves_the_tables_rows_and_other_peoples_files(folder: Folder, table: Table) -> None:
    table.commit(1, [part(folder, "a", 1, 2), part(folder, "b", 3)])
    table.commit(2, [part(folder, "c", 3, run="later")], replaced=[3])
    part(folder, "stray", 9)
    for name in ("photo.jpg", "notes.parquet", ".hidden"):
        folder.write(name, b"precious")
    (folder / "below").write("part-x.parquet", b"precious")
    assert table.vacuum() == 2
    expected = ["part-a.parquet", "part-c.parquet", ".hidden", "_delta_log", "below", "notes.parquet", "photo.jpg"]
    assert folder.names() == sorted(expected)
    assert (folder / "below").names() == ["part-x.parquet"]
    assert table.vacuum() == 0
    assert ids(Table(folder, IMAGES)) == [1, 2, 3]
    table.commit(3, [part(folder, "d", 4)])
    assert ids(table) == [1, 2, 3, 4]


def test_other_programs_see_the_same_rows(tmp_path: Path) -> None:
    folder = Folder.at(str(tmp_path))  # a plain name: Polars looks for the percent signs of its address
    table = Table(folder, IMAGES)
    table.create()
    table.commit(1, [part(folder, "a", 1, 2, 3)])
    table.commit(2, [part(folder, "b", 2, 4)], replaced=[2])
    table.vacuum()
    path = folder.path
    assert sorted(pa.parquet.read_table(path)["image_id"].to_pylist()) == [1, 2, 3, 4]
    assert sorted(DeltaTable(path).to_pandas()["image_id"]) == [1, 2, 3, 4]
    assert sorted(pl.read_delta(path)["image_id"]) == [1, 2, 3, 4]
    with duckdb.connect() as db:
        (count,) = db.execute("SELECT count(*) FROM read_parquet(?)", [f"{path}/*.parquet"]).fetchall()
    assert count == (4,)


def test_filters_find_rows_in_every_file(folder: Folder, table: Table) -> None:
    """Statistics in the log must not hide files from readers that skip by them."""
    table.commit(1, [part(folder, "a", 1, 2), part(folder, "b", -3), part(folder, "c", 2**62)])
    for image_id in (1, 2, -3, 2**62):
        condition = pa.compute.field("image_id") == image_id
        assert table.dataset().to_table(filter=condition)["image_id"].to_pylist() == [image_id]
    run, error, status = (pa.compute.field(name) for name in ("run_id", "error", "status"))
    for condition, count in ((run == "R", 4), (run == "other", 0), (error.is_null(), 4), (status == "ok", 4)):
        assert table.dataset().count_rows(filter=condition) == count
