"""Upkeep of tables: rows stay, files and log shrink, and a run that is going is left alone."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from deltalake.transaction import RemoveAction

from faceray.cli import parse
from faceray.errors import UserError
from faceray.maintain import compact, maintain
from faceray.maintain_options import MaintainOptions
from faceray.results.committer import Committer
from faceray.results.readers import read_faces
from faceray.storage import Folder
from tests.results.batches import contents, plain, recognised, report, run
from tests.results.test_committer import crash_between_the_commits
from tests.test_status import manifest

TABLES = ("images", "faces")


@pytest.fixture
def output(tmp_path: Path) -> Folder:
    """Tables of three runs, a file for each of their batches."""
    output = Folder.at(f"{tmp_path}/out")
    run(output, "R1", *(recognised((i, i % 3), (100 + i, "truncated")) for i in range(9)))
    run(output, "R2", recognised((200, 1)))
    run(output, "R3", recognised((1, 4), (101, 1), replaces=True, version="2"))
    return output


def options(output: Folder, **others: object) -> MaintainOptions:
    return MaintainOptions(output.uri, **others)  # type: ignore[arg-type]


def logged(output: Folder, table: str) -> DeltaTable:
    return DeltaTable(f"{output.path}/{table}")


def test_many_small_files_become_one_and_every_row_stays(output: Folder) -> None:
    before, faces = contents(output), read_faces(output.uri).sort_by("face_id")
    kept = {k.name: k for k in maintain(options(output)).tables}
    assert contents(output) == before
    assert read_faces(output.uri).sort_by("face_id").equals(faces)
    assert kept["images"].files_before == 10
    for name in TABLES:
        assert kept[name].files_after == len(logged(output, name).file_uris()) == 1
        assert kept[name].deleted >= kept[name].files_before
        (file,) = (Path(output.path) / name).glob("*.parquet")
        assert file.stat().st_size == kept[name].bytes_after


def test_larger_files_are_left_as_they_are(output: Folder) -> None:
    maintain(options(output))
    run(output, "R4", recognised((300, 2)))
    committer = Committer(output, 0)
    files = set(logged(output, "images").file_uris())
    compact(committer.images, target_bytes=1)
    assert set(logged(output, "images").file_uris()) == files


def test_every_reader_finds_the_rows_of_joined_and_of_new_files(output: Folder) -> None:
    maintain(options(output))
    run(output, "R4", recognised((300, 2), (301, "empty")))
    folder = f"{output.path}/faces"
    count = contents(output)[300][2] + sum(n for i, (_, _, n) in contents(output).items() if i != 300)
    assert len(plain(output, "faces")) == count
    assert duckdb.sql(f"SELECT count(*) FROM '{folder}/*.parquet'").fetchall() == [(count,)]
    assert len(polars.read_parquet(f"{folder}/*.parquet")) == len(polars.read_delta(folder)) == count
    for where, rows in ((pc.field("image_id") == 300, 2), (pc.field("age").is_null(), count), (pc.field("x1") < 0, 0)):
        assert read_faces(output.uri, where=where).num_rows == rows


def test_the_log_holds_no_bounds_of_columns(output: Folder) -> None:
    """They would keep addresses of pictures after these are forgotten."""
    maintain(options(output))
    run(output, "R4", recognised((300, 2)))
    maintain(options(output))
    for name in TABLES:
        known = logged(output, name).get_add_actions(flatten=True).column_names
        assert set(known) == {"path", "size_bytes", "modification_time", "num_records"}
        log = b"".join(file.read_bytes() for file in Path(f"{output.path}/{name}/_delta_log").glob("*.json"))
        assert b".jpg" not in log


def test_both_tables_keep_the_serial_of_the_last_run(output: Folder) -> None:
    before = Committer(output, 0)
    maintain(options(output))
    after = Committer(output, 0)
    assert after.images.serial == after.faces.serial == before.images.serial
    assert not after.torn
    run(output, "R4", recognised((300, 2)))
    assert contents(output)[300] == ("R4", "ok", 2)


def test_twice_changes_nothing_more(output: Folder) -> None:
    maintain(options(output))
    files = {name: logged(output, name).file_uris() for name in TABLES}
    maintain(options(output))
    assert {name: logged(output, name).file_uris() for name in TABLES} == files


def test_superseded_files_stay_as_long_as_asked(output: Folder) -> None:
    version = logged(output, "faces").version()
    rows = read_faces(output.uri).num_rows
    kept = maintain(options(output, keep_hours=48)).tables
    assert [k.deleted for k in kept] == [0, 0]
    assert read_faces(output.uri, version=version).num_rows == rows
    assert (
        logged(output, "faces").metadata().configuration["delta.deletedFileRetentionDuration"] == "interval 48 hours"
    )
    maintain(options(output))
    assert len(list(Path(f"{output.path}/faces").glob("*.parquet"))) == 1


def test_superseded_files_go_when_their_time_is_over(output: Folder) -> None:
    table = Committer(output, 0).images
    assert table.delta is not None
    old, young = sorted(path.name for path in Path(table.folder.path).glob("*.parquet"))[:2]
    now = time.time()
    removals = [RemoveAction(name, True, int((now - hours * 3600) * 1000)) for name, hours in ((old, 49), (young, 47))]
    table.delta.create_write_transaction(removals, "append", table.schema)
    maintain(options(output, compact=False, keep_hours=48))
    left = {path.name for path in Path(table.folder.path).glob("*.parquet")}
    assert young in left
    assert old not in left


def test_log_entries_older_than_their_time_go(output: Folder) -> None:
    log = Path(f"{output.path}/images/_delta_log")
    long_ago = (datetime.now(UTC) - timedelta(days=3)).timestamp()
    for file in log.glob("*.json"):
        os.utime(file, (long_ago, long_ago))
    rows = contents(output)
    maintain(options(output, compact=False))
    assert len(list(log.glob("*.json"))) < 5
    assert contents(output) == rows


def test_a_reader_of_the_old_version_sees_it_whole_or_not_at_all(output: Folder) -> None:
    """Read all the time while files are joined: the rows are the same at every moment."""
    expected, seen, done = set(contents(output)), [], threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(set(logged(output, "images").to_pyarrow_table(columns=["image_id"])["image_id"].to_pylist()))

    reader = threading.Thread(target=read)
    reader.start()
    maintain(options(output, keep_hours=1))
    done.set()
    reader.join()
    assert seen
    assert all(rows == expected for rows in seen)


def test_a_run_that_is_going_is_left_alone(output: Folder) -> None:
    manifest(output, "20261122T010000000Z", "running", silent=10)
    with pytest.raises(UserError, match="20261122T010000000Z is still going"):
        maintain(options(output))
    manifest(output, "20261122T010000000Z", "running", silent=5000)
    maintain(options(output))


def test_a_run_that_starts_meanwhile_stops_and_nothing_is_mixed(output: Folder) -> None:
    late, runs = Committer(output, 0), Committer(output, 0)
    runs.claim()
    with pytest.raises(UserError, match="meanwhile"):
        compact(late.images, 1 << 20)
    maintain(options(output))  # its tables are opened after the claim
    before = contents(output)
    with pytest.raises(UserError, match="another run"):
        runs.add(report(output, "R4", recognised((300, 2))))
    assert contents(output) == before
    run(output, "R5", recognised((300, 2)))
    assert contents(output)[300] == ("R5", "ok", 2)


def test_torn_tables_can_be_kept_in_order_and_are_mended_by_the_next_run(output: Folder) -> None:
    before = contents(output)
    crash_between_the_commits(output, "R4", recognised((300, 2)))
    maintain(options(output))
    assert Committer(output, 0).torn
    run(output, "R5")
    assert contents(output) == before


def test_galleries_are_looked_at_before_anything_is_forgotten(output: Folder, tmp_path: Path) -> None:
    before = contents(output)
    with pytest.raises(UserError, match="no gallery at"):
        maintain(options(output, forget=["file:///1.jpg"], galleries=f"{tmp_path}/none"))
    assert contents(output) == before
    assert not (tmp_path / "out" / "forgotten").exists()


def test_where_there_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no tables in"):
        maintain(MaintainOptions(f"{tmp_path}/nothing"))
    assert not (tmp_path / "nothing").exists()


def test_options_come_from_the_command_line() -> None:
    parsed = parse(
        MaintainOptions,
        ["--output", "o", "--keep-hours", "24", "--forget", "s3://b/x", "--forget=-5,6"],
        "maintain",
    )
    assert parsed == MaintainOptions("o", keep_hours=24, forget=["s3://b/x", "-5,6"])
    for wrong in (
        ["--output", ""],
        ["--output", "o", "--keep-hours", "-1"],
        ["--output", "o", "--file-megabytes", "0"],
    ):
        with pytest.raises(UserError):
            parse(MaintainOptions, wrong, "maintain")
    with pytest.raises(UserError, match="only goes with --forget"):
        parse(MaintainOptions, ["--output", "o", "--dry-run"], "maintain")
