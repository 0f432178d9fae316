"""The dry run: what there is to do and how long it may take; nothing is started and nothing is written."""

from pathlib import Path
from typing import Any

import pytest

from faceray import cli, commands
from faceray.corpus.source import Source
from faceray.errors import UserError
from faceray.estimate import estimate
from faceray.models.zoo import load_models
from faceray.options import SUFFIXES, AnnotateOptions
from faceray.results.manifest import write_manifest
from faceray.storage import Folder
from faceray.vision.mtcnn import MtcnnOptions
from tests.faces import jpeg, scenery
from tests.results.batches import recognised, run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(5):
        (folder / f"{index}.jpg").write_bytes(jpeg(scenery()))
    (folder / "notes.md").write_text("no image")
    return folder


def told(photos: Path, **options: Any) -> dict[str, str]:
    """The table as a dictionary."""
    options = {"input": str(photos), "output": f"{photos.parent}/out", **options}
    lines = estimate(AnnotateOptions(**options)).splitlines()
    pairs = (line.split("  ", 1) for line in lines)
    return {name.strip(): value.strip() for name, value in pairs}


def test_before_the_first_run(photos: Path) -> None:
    rows = told(photos)
    assert rows["images listed"] == rows["to do now"] == rows["- new"] == "5"
    assert rows["other files passed over"] == "1"
    size = sum(path.stat().st_size for path in photos.glob("*.jpg"))
    assert rows["bytes to read"] == f"{size / 1000:.3g} kB"
    assert rows["estimated from"].startswith("a rule of thumb")
    assert rows["models"].startswith("mtcnn:")


def test_nothing_is_written(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos.parent)
    before = sorted(photos.parent.rglob("*"))
    estimate(AnnotateOptions(input="photos", output="out"))
    assert sorted(photos.parent.rglob("*")) == before


def test_what_is_done_already_is_counted(photos: Path) -> None:
    rows = list(next(iter(Source(str(photos), SUFFIXES))).to_pylist())
    models = load_models(MtcnnOptions(), "sface", (), "fp32").fingerprint
    output = Folder.at(f"{photos.parent}/out")
    images = [(row["image_id"], 0) for row in rows[:2]]
    committer = run(output, "R", recognised(*images, version="older"), models=models)
    assert committer.images.dataset().count_rows() == 2
    rows_told = told(photos)
    assert (rows_told["- new"], rows_told["- changed"], rows_told["to do now"]) == ("3", "2", "5")
    assert told(photos, limit=4)["to do now"] == "4"


def finished(output: Folder, name: str, written: int, seconds: float, faces: int) -> None:
    counts = {"written": written, "faces": faces}
    write_manifest(output, {"run_id": name, "state": "finished", "seconds": seconds, "counts": counts})


def test_the_newest_run_of_some_size_tells_the_speed(photos: Path) -> None:
    output = Folder.at(f"{photos.parent}/out")
    finished(output, "20260101T000000000Z", 1000, 10.0, 1000)
    finished(output, "20260102T000000000Z", 100, 6000.0, 300)
    finished(output, "20260103T000000000Z", 3, 1.0, 0)
    rows = told(photos)
    assert rows["estimated from"] == "run 20260102T000000000Z here"
    assert rows["faces, about"] == "15"
    assert rows["time, about"] == "5 min 00 s"


def test_mistakes_are_those_of_a_run(photos: Path) -> None:
    with pytest.raises(UserError, match="nothing at"):
        told(photos, input=f"{photos}/nowhere")
    with pytest.raises(UserError, match="no-such-network"):
        told(photos, embedding="no-such-network")


@pytest.mark.parametrize("flag", [["--dry-run"], ["--dry_run=true"], ["--dry-run", "true"]])
def test_on_the_command_line(photos: Path, flag: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--input", str(photos), "--output", f"{photos.parent}/out", *flag]
    assert cli.run(commands.annotate, arguments) == 0
    assert "images listed" in capsys.readouterr().out
    assert not (photos.parent / "out").exists()
