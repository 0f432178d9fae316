"""The manifest of a run: its id, its counts, what its stages did."""

import json
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from faceray.results.manifest import Tally, new_run_id, read_manifests, versions, write_manifest
from faceray.storage import Folder


def test_run_ids_sort_by_time() -> None:
    start = datetime(2026, 12, 31, 23, 59, 59, 998_000, UTC)
    ids = [new_run_id(start + timedelta(milliseconds=i)) for i in range(4)]
    assert ids == ["20261231T235959998Z", "20261231T235959999Z", "20270101T000000000Z", "20270101T000000001Z"]
    assert ids == sorted(set(ids))
    assert new_run_id() > "2026"


def told(images: int, faces: int | None, **statuses: int) -> dict[str, Any]:
    """A row of REPORT."""
    return {
        "images": {"rows": images},
        "faces": None if faces is None else {"rows": faces},
        "statuses": [{"status": status, "count": count} for status, count in statuses.items()],
        "load_seconds": 1.0,
        "detect_seconds": 8.0,
        "recognise_seconds": 2.0,
        "write_seconds": 0.5,
    }


def test_counts_add_up() -> None:
    tally = Tally()
    assert (tally.images, tally.faces, tally.errors) == (0, 0, 0)
    for row in (told(10, 7, ok=8, empty=2), told(3, None, empty=1, truncated=2), told(5, 1, ok=5)):
        tally.add(row)
    assert (tally.images, tally.faces, tally.errors) == (18, 8, 5)
    assert tally.statuses == {"ok": 13, "empty": 3, "truncated": 2}


def test_stages_say_how_busy_they_were() -> None:
    tally = Tally()
    for _ in range(2):
        tally.add(told(10, 7, ok=10))
    stages = {s["name"]: s for s in tally.stages({"load": 2, "detect": 4, "recognise": 1, "write": 2}, seconds=5)}
    assert list(stages) == ["load", "detect", "recognise", "write"]
    assert [s["busy_seconds"] for s in stages.values()] == [2, 16, 4, 1]
    assert [s["utilisation"] for s in stages.values()] == [0.2, 0.8, 0.8, 0.1]
    assert all(s["images"] == 20 for s in stages.values())
    assert tally.stages(dict.fromkeys(stages, 1), seconds=0)[0]["utilisation"] == 0  # a run without time
    assert tally.stages(dict.fromkeys(stages, 1), seconds=5)[1]["utilisation"] == 1  # never more than always


def test_versions_name_what_results_depend_on() -> None:
    found = versions()
    assert found["torch"] == version("torch")
    assert found["ray"] == version("ray")
    assert found["faceray"] == version("faceray")
    assert "not installed" not in found.values()


@pytest.mark.parametrize("address", ["{tmp_path}/out", "memory://manifests"])
def test_manifests_come_back_oldest_first(tmp_path: Path, address: str) -> None:
    output = Folder.at(address.format(tmp_path=tmp_path))
    assert read_manifests(output) == []
    for run in ("20270101T000000000Z", "20261231T235959998Z"):
        write_manifest(output, {"run_id": run, "counts": {"written": 1}})
    write_manifest(output, {"run_id": "20261231T235959998Z", "counts": {"written": 2}})
    (output / "runs" / "20270101T000000000Z.plan").write("00000.parquet", b"")
    assert read_manifests(output) == [
        {"run_id": "20261231T235959998Z", "counts": {"written": 2}},
        {"run_id": "20270101T000000000Z", "counts": {"written": 1}},
    ]


def test_a_manifest_is_json_for_people(tmp_path: Path) -> None:
    write_manifest(Folder.at(str(tmp_path)), {"run_id": "R", "started": datetime(2026, 1, 2, tzinfo=UTC)})
    text = (tmp_path / "runs" / "R.json").read_text()
    assert json.loads(text) == {"run_id": "R", "started": "2026-01-02 00:00:00+00:00"}
    assert text.count("\n") == 4
