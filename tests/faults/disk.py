"""A disk that is full, again and again: somebody makes a little room, and the job is started again. Needs root."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from faceray.storage import Folder
from tests.faults.breaks import check
from tests.faults.place import ROOT, environment, lay_out, tables

_FIRST, _MORE = 60, 40  # KiB


def fill_up(folder: Path, photos: Mapping[str, bytes]) -> str:
    """Annotate photos from disk to disk, once with room for all and once with too little of it, time after time.

    Returns:
        What happened, in words.

    Raises:
        AssertionError: a start ended otherwise than with one line and exit code 2, or the tables differ.
    """
    lay_out(folder / "photos", photos)
    with environment(), _disk(folder / "disk", _FIRST):
        assert _annotate(folder, "whole") == ""
        size, told = _FIRST, list[str]()
        while line := _annotate(folder, "disk/labels"):
            assert "No space left on device" in line, line
            told.append(line.partition(str(folder))[2].partition(":")[0])
            size += _MORE
            _mount(folder / "disk", f"remount,size={size}k")
        found = [tables(Folder.at(f"{folder}/{name}")) for name in ("disk/labels", "whole")]
        check(*found)
    assert told, "there was room enough"
    return f"{len(photos)} images: full {len(told)} times, done with {size} KiB; the tables are equal\n" + "\n".join(
        told
    )


def _annotate(folder: Path, output: str) -> str:
    """What it complains of; nothing when all went well."""
    command = [sys.executable, str(ROOT / "jobs" / "annotate.py"), "--input", f"{folder}/photos"]
    command += ["--output", f"{folder}/{output}", "--attributes", "none", "--commit_seconds", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("faceray:")]
    assert done.returncode == (2 if lines else 0), done.stderr
    assert len(lines) <= 1, lines
    assert "Traceback" not in done.stderr, done.stderr
    return "".join(lines)


@contextmanager
def _disk(place: Path, size: int) -> Iterator[None]:
    place.mkdir()
    _mount(place, f"size={size}k")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def _mount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)
