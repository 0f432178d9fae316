"""MegaAge-Asian (Zhang et al., BMVC 2017): 40,000 + 3,945 faces of Asians of 0 to 70."""

from collections.abc import Iterator
from pathlib import Path

from faceray.datasets.files import first_existing, read_lines, relative
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError


def read_megaage_asian(root: Path) -> Iterator[Sample | Dropped]:
    """MegaAge-Asian: `list/train_name.txt` and `list/train_age.txt` go line by line, images are in `train/`; `test`
    likewise. Yields train, then test, in the lists' order; race is Asian throughout.

    Raises:
        UserError: a list is absent, or two that belong together differ in length.
    """
    folder = first_existing(root, "list", "megaage_asian/list").parent
    for split in ("train", "test"):
        names, ages = (_entries(folder / "list" / f"{split}_{what}.txt") for what in ("name", "age"))
        if len(names) != len(ages):
            raise UserError(f"{folder}/list has {len(names)} names but {len(ages)} ages for {split}")
        for name, age in zip(names, ages, strict=True):
            image = relative(folder / split / name, root)
            if age.isdecimal():
                yield Sample(image=image, age=float(age), race="Asian", split=split)
            else:
                yield Dropped(image, "age is not a number")


def _entries(path: Path) -> list[str]:
    """The lines, but for empty ones at the end: one in between would shift all labels after it."""
    lines = [line.strip() for line in read_lines(path)]
    while lines and not lines[-1]:
        lines.pop()
    return lines
