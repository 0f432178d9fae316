"""The command line: mistakes are one line on stderr and exit code 2; it wins over a file of options."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import faceray
from faceray import cli, commands
from faceray.errors import UserError
from faceray.options import AnnotateOptions
from tests.faces import jpeg, scenery

ROOT = Path(__file__).parent.parent


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_bytes(jpeg(scenery()))
    return tmp_path / "photos"


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that `faceray annotate` says, ending with exit code 2."""
    assert cli.run(commands.annotate, arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("faceray: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def test_a_missing_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = f"{tmp_path}/not there"
    assert refused(["--input", missing, "--output", f"{tmp_path}/out"], capsys) == f"faceray: nothing at {missing}\n"
    assert not (tmp_path / "out").exists()


def test_an_input_without_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").write_text("nothing to see")
    said = refused(["--input", f"{tmp_path}/photos", "--output", f"{tmp_path}/out"], capsys)
    assert f"no images at {tmp_path}/photos" in said
    assert "1 " in said


@pytest.mark.parametrize("below", ["", "/deeper"])
def test_an_output_below_a_file(below: str, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = photos.parent / "file"
    output.write_bytes(b"precious")
    assert str(output) in refused(["--input", str(photos), "--output", f"{output}{below}"], capsys)
    assert output.read_bytes() == b"precious"


def test_an_output_that_holds_other_files(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--input data/images --output data` would put the table among the photos."""
    photos = photos.rename(photos.parent / "images")
    said = refused(["--input", str(photos), "--output", str(photos.parent)], capsys)
    assert f"{photos} has files that are not a table's" in said
    assert [p.name for p in photos.iterdir()] == ["one.jpg"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--no-such-option", "1"], "no_such_option"),
        (["--limit", "many"], "limit"),
        (["--limit", "0"], "--limit must be at least 1"),
        (["--device", "tpu"], "device"),
        (["--detector.min_face_size", "5"], "min_face_size must be at least 12"),
        (["--detector.thresholds", "[0.5, 0.5]"], "thresholds"),
        (["--workers.detect", "-1"], "--workers.detect must be at least 0"),
        (["--workers.fetch_thread", "1"], "fetch_thread"),
        (["--embedding", "no-such-network"], "no-such-network"),
        (["--attributes", "/no/such/checkpoint"], "/no/such/checkpoint/card.json"),
        (["--config", "/no/such/file.yaml"], "/no/such/file.yaml"),
        (["--input", "nosuch://bucket"], "nosuch"),
        (["unexpected"], "unexpected"),
    ],
)
def test_mistakes_in_options(
    arguments: list[str], said: str, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = photos.parent / "out"
    assert said in refused(["--input", str(photos), "--output", str(output), *arguments], capsys)
    assert not output.exists()


def test_nothing_given_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert "input" in refused([], capsys)


def parsed(*arguments: str) -> AnnotateOptions:
    return cli.parse(AnnotateOptions, list(arguments), "annotate")


def config(folder: Path, **content: Any) -> str:
    (folder / "options.yaml").write_text(yaml.safe_dump(content))
    return str(folder / "options.yaml")


def test_a_file_of_options(tmp_path: Path) -> None:
    path = config(tmp_path, input="a", output="b", limit=3, detector={"min_face_size": 40}, workers={"detect": 2})
    options = parsed("--config", path)
    assert (options.input, options.output, options.limit) == ("a", "b", 3)
    assert options.detector.min_face_size == 40
    assert options.detector.thresholds == (0.6, 0.7, 0.7)
    assert options.workers.detect == 2


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    path = config(tmp_path, input="a", output="b", limit=3, detector={"min_face_size": 40, "factor": 0.8})
    options = parsed("--config", path, "--limit", "7", "--detector.min_face_size", "24")
    assert (options.input, options.limit, options.detector.min_face_size) == ("a", 7, 24)
    assert options.detector.factor == 0.8


@pytest.mark.parametrize(
    "content",
    [{"no_such_key": 1}, {"detector": {"no_such_key": 1}}, {"limit": "many"}, {"device": "tpu"}, {"limit": 0}],
)
def test_mistakes_in_the_file(content: dict[str, Any], tmp_path: Path) -> None:
    path = config(tmp_path, input="a", output="b", **content)
    with pytest.raises(UserError, match=r"no_such_key|limit|device"):
        parsed("--config", path)


@pytest.mark.parametrize("text", ["- a list", "{", "just text", "input: [1,", "\x00"])
def test_a_file_that_is_not_one_of_options(text: str, tmp_path: Path) -> None:
    (tmp_path / "options.yaml").write_text(text)
    with pytest.raises(UserError):
        parsed("--config", str(tmp_path / "options.yaml"), "--input", "a", "--output", "b")


def test_every_way_to_write_values() -> None:
    options = parsed(
        *("--input=photos", "--output", "labels", "--dry-run", "--commit-seconds", "0"),
        *("--detector.thresholds", "[0.5, 0.6, 0.7]", "--limits.max_pixels=1000", "--address", "local"),
    )
    assert options.dry_run
    assert options.commit_seconds == 0
    assert options.detector.thresholds == (0.5, 0.6, 0.7)
    assert options.limits.max_pixels == 1000
    assert options.address == "local"
    required = ("--input", "a", "--output", "b")
    assert parsed(*required, "--dry_run", "true").dry_run
    assert parsed("--dry-run", *required).dry_run
    assert not parsed(*required, "--dry-run", "false").dry_run


def test_interruption_is_exit_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: list[str]) -> None:
        raise KeyboardInterrupt

    assert cli.run(interrupted, []) == 130
    assert "the next run goes on from there" in capsys.readouterr().err


def test_errors_of_several_lines_become_one(capsys: pytest.CaptureFixture[str]) -> None:
    def wrong(_: list[str]) -> None:
        raise UserError("first\n  second\nthird")

    assert cli.run(wrong, []) == 2
    assert capsys.readouterr().err == "faceray: first second third\n"


def called(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=120, cwd=ROOT, env=environment, check=False
    )


def test_the_job_file_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Mistakes end before Ray, whose import takes seconds, is loaded."""
    called_ = called("jobs/annotate.py", "--input", f"{tmp_path}/nowhere", "--output", f"{tmp_path}/out")
    assert called_.returncode == 2
    assert called_.stderr == f"faceray: nothing at {tmp_path}/nowhere\n"
    assert called_.stdout == ""


def main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["faceray", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def test_help_tells_commands_and_options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--help"], ["-h"], ["help"]):
        assert main(monkeypatch, *arguments) == 0
        said = capsys.readouterr().out
        assert "faceray annotate" in said
        assert "faceray show" in said
    for command in commands.COMMANDS:
        assert main(monkeypatch, command, "--help") == 0
        assert "--output" in capsys.readouterr().out
    assert main(monkeypatch, "annotate", "--help") == 0
    said = capsys.readouterr().out
    for name in ("--input", "--limit", "--detector.min_face_size", "--workers.detect", "--config", "--dry_run"):
        assert name in said


def test_version_and_unknown_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"{faceray.__version__}\n"
    assert main(monkeypatch, "anotate") == 2
    assert capsys.readouterr().err.startswith("faceray: no command 'anotate', only annotate, ")
