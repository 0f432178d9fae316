"""Tiny data sets in official layouts: readers never look into the images, so these are empty."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from faceray.datasets.sample import Dropped, Sample


def touch(root: Path, *names: str) -> None:
    for name in names:
        write(root, name, "")


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def sort_out(entries: Iterable[Sample | Dropped]) -> tuple[list[Sample], list[Dropped]]:
    entries = list(entries)
    samples = [entry for entry in entries if isinstance(entry, Sample)]
    return samples, [entry for entry in entries if isinstance(entry, Dropped)]


def reasons(dropped: Iterable[Dropped]) -> dict[str, int]:
    return dict(Counter(entry.reason for entry in dropped))
