"""Text lists of images: `path race gender age` with -1 for unknown, or `path person`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from faceray.datasets.files import read_lines
from faceray.datasets.sample import Dropped, Sample
from faceray.datasets.split import part_named
from faceray.errors import UserError
from faceray.results.schema import GENDERS, RACES

UNKNOWN = -1


@dataclass(frozen=True)
class ImageListOptions:
    """Which list, and of what.

    file: the text file, absolute or below `root`; where empty, the one text file that is in `root`, or all, if their
        names end in train, val and test.
    labels: `attributes` for `path race gender age`, `person` for `path person`; `auto` looks at the first line.
    """

    file: str = ""
    labels: Literal["auto", "attributes", "person"] = "auto"


def read_image_list(root: Path, options: ImageListOptions = ImageListOptions()) -> Iterator[Sample | Dropped]:
    """The images of a list in its order, paths below `root`. The part is what the list's name ends in, if anything.

    Race is 0 to 4 in the order of the faces table, gender 0 female and 1 male, age in years.

    Raises:
        UserError: the list is absent, or a line is of another form, with its number.
    """
    for path in _lists(root, options):
        for entry in _read(root, path, options):
            yield replace(entry, split=part_named(path.stem)) if isinstance(entry, Sample) else entry


def _read(root: Path, path: Path, options: ImageListOptions) -> Iterator[Sample | Dropped]:
    lines = [(number, line.strip()) for number, line in enumerate(read_lines(path), start=1) if line.strip()]
    attributes = options.labels == "attributes" or (
        options.labels == "auto" and bool(lines) and lines[0][1].count(" ") >= 3
    )
    for number, line in lines:
        image, *labels = line.rsplit(" ", 3 if attributes else 1)
        if len(labels) != (3 if attributes else 1):
            expected = "path race gender age" if attributes else "path person"
            raise UserError(f"{path}, line {number}: not `{expected}`")
        if not (root / image).is_file():
            yield Dropped(image, "no such file")
        elif not attributes:
            yield Sample(image=image, identity=labels[0])
        else:
            yield _attributes(image, labels, f"{path}, line {number}")


def _lists(root: Path, options: ImageListOptions) -> list[Path]:
    if options.file:
        return [root / options.file]
    files = sorted(root.glob("*.txt"))
    if len(files) != 1 and not (files and all(part_named(file.stem) for file in files)):
        raise UserError(f"{root} has {len(files)} text files: say which is the list")
    return files


def _attributes(image: str, labels: list[str], where: str) -> Sample | Dropped:
    try:
        race, gender, age = (int(float(label)) for label in labels)
    except (ValueError, OverflowError):
        raise UserError(f"{where}: race, gender and age are not numbers") from None
    if not (UNKNOWN <= race < len(RACES) and UNKNOWN <= gender < len(GENDERS) and age >= UNKNOWN):
        return Dropped(image, "race, gender or age out of range")
    if race == gender == age == UNKNOWN:
        return Dropped(image, "nothing is known of it")
    return Sample(
        image=image,
        race=None if race == UNKNOWN else RACES[race],
        gender=None if gender == UNKNOWN else gender,
        age=None if age == UNKNOWN else float(age),
    )
