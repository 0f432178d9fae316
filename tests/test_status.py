"""What `faceray status` says of runs in every state."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from faceray.cli import parse
from faceray.errors import UserError
from faceray.results.committer import Committer
from faceray.results.manifest import write_manifest
from faceray.status import StatusOptions, _last_commit, alive, status, status_text
from faceray.storage import Folder
from tests.results.batches import recognised, run

NOW = datetime.now(UTC)


@pytest.fixture
def output(tmp_path: Path) -> Folder:
    return Folder.at(f"{tmp_path}/out")


def manifest(output: Folder, run_id: str, state: str, silent: float = 0, **counts: Any) -> None:
    """A manifest as annotate writes it, last written so many seconds ago; the run took 100 s until then."""
    updated = datetime.now(UTC) - timedelta(seconds=silent)
    numbers = {"planned": 1000, "written": 250, "faces": 300, "by_status": {"ok": 240, "truncated": 10}} | counts
    write_manifest(
        output,
        {
            "run_id": run_id,
            "state": state,
            "started_at": (updated - timedelta(seconds=100)).isoformat(timespec="seconds"),
            "updated_at": updated.isoformat(timespec="seconds"),
            "images_per_second": numbers["written"] / 100,
            "bottleneck": "detect" if numbers["written"] else None,
            "counts": numbers,
        },
    )


def look(output: Folder, **options: Any) -> Any:
    return status(StatusOptions(output.uri, **options))


def test_a_commit_while_one_looks(output: Folder) -> None:
    run(output, "R1", recognised((1, 2)), recognised((3, 1)))
    opened = Committer(output, 0).images
    first = _last_commit(opened)
    run(output, "R2", recognised((4, 1)))
    later = _last_commit(opened)
    assert first is not None
    assert later is not None
    assert later >= first


def test_a_run_that_is_going(output: Folder) -> None:
    run(output, "R1", recognised((1, 2), (2, 0)), recognised((3, 1)))
    manifest(output, "R1", "running")
    found = look(output)
    assert (found.state, found.exit_code, found.written, found.planned) == ("running", 0, 250, 1000)
    assert found.by_status == {"ok": 240, "truncated": 10}
    assert found.per_second == 2.5
    assert found.seconds_left == 300
    assert (found.images, found.all_faces) == (3, 3)
    assert found.last_commit is not None
    assert abs((datetime.now(UTC) - found.last_commit).total_seconds()) < 60
    text = status_text(found)
    for words in ("250 of 1,000 (25.0%)", "truncated", "2.5 images/s, 0:05:00 left", "3 images, 3 faces"):
        assert words in text
    assert alive(output, 900) == "R1"


@pytest.mark.parametrize(
    ("state", "silent", "said", "code"),
    [
        ("running", 899, "running", 0),
        ("running", 2000, "dead", 1),
        ("finished", 2000, "finished", 0),
        ("nothing to do", 2000, "nothing to do", 0),
        ("stopped", 10, "stopped", 1),
        ("failed", 10, "failed", 1),
    ],
)
def test_states_and_exit_codes(output: Folder, state: str, silent: float, said: str, code: int) -> None:
    manifest(output, "R1", state, silent)
    found = look(output)
    assert (found.state, found.exit_code) == (said, code)
    assert said in status_text(found)
    assert (alive(output, 900) == "R1") == (said == "running")
    assert (found.seconds_left is None) == (said != "running")


def test_the_newest_run_unless_another_is_named(output: Folder) -> None:
    for run_id, written in (("20261121T010000000Z", 1), ("20261123T010000000Z", 3), ("20261122T010000000Z", 2)):
        manifest(output, run_id, "finished", written=written)
    assert look(output).written == 3
    assert look(output, run="20261122T010000000Z").written == 2
    with pytest.raises(UserError, match="has no run x; the newest is 20261123"):
        look(output, run="x")


def test_before_the_first_images_nothing_is_made_up(output: Folder) -> None:
    manifest(output, "R1", "running", written=0, planned=0, faces=0, by_status={})
    found = look(output)
    assert found.seconds_left is None
    assert found.last_commit is None
    assert "0 of 0\n" in status_text(found)
    assert "not known yet" in status_text(found)


def test_where_nothing_has_run(output: Folder) -> None:
    with pytest.raises(UserError, match="no run has written"):
        look(output)
    assert alive(output, 900) is None


def test_a_record_for_programs(output: Folder) -> None:
    manifest(output, "R1", "running")
    record = json.loads(json.dumps(look(output).record()))
    assert record["by_status"]["ok"] == 240
    assert datetime.fromisoformat(record["started"]).tzinfo is not None


def test_options_come_from_the_command_line() -> None:
    assert parse(StatusOptions, ["--output", "o", "--json"], "status") == StatusOptions("o", json=True)
    with pytest.raises(UserError, match="empty"):
        parse(StatusOptions, ["--output", ""], "status")
