"""Tables that are replaced as a whole."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from faceray.clustering.tables import PEOPLE, replace_rows
from faceray.errors import UserError
from faceray.results.table import Table
from faceray.storage import Folder


def rows(run: str, *identities: int) -> pa.Table:
    counts = dict.fromkeys(("faces", "core_faces", "images"), 1)
    return pa.Table.from_pylist([{"identity": i, "run_id": run} | counts for i in identities], schema=PEOPLE)


def identities(folder: Path) -> list[int]:
    """As the log says, which must be what the folder says."""
    table = Table(Folder.at(str(folder)), PEOPLE).dataset().to_table()
    plain = pa.parquet.read_table(folder)
    found = sorted(table["identity"].to_pylist())
    assert sorted(plain["identity"].to_pylist()) == found
    assert table.schema.field("identity").nullable is False
    return found


def test_writing_again_replaces_and_never_doubles(tmp_path: Path) -> None:
    folder = tmp_path / "people"
    for run, wanted in (("a", [1, 2, 3]), ("b", [2, 3]), ("b", [2, 3])):
        replace_rows(Table(Folder.at(str(folder)), PEOPLE), [rows(run, wanted[0]), rows(run, *wanted[1:])], run)
        assert identities(folder) == wanted
        assert len(list(folder.glob("*.parquet"))) == 1
    replace_rows(Table(Folder.at(str(folder)), PEOPLE), [], "c")
    assert Table(Folder.at(str(folder)), PEOPLE).dataset().count_rows() == 0


def test_somebody_elses_rows_are_not_overwritten(tmp_path: Path) -> None:
    folder = Folder.at(str(tmp_path / "people"))
    replace_rows(Table(folder, PEOPLE), [rows("a", 1)], "a")
    slow = Table(folder, PEOPLE)
    replace_rows(Table(folder, PEOPLE), [rows("b", 1, 2)], "b")
    with pytest.raises(UserError, match="another run"):
        replace_rows(slow, [rows("c", 9)], "c")
    assert Table(folder, PEOPLE).dataset().count_rows() == 2
