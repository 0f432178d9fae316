"""FG-NET Aging Database: 1,002 scanned photos of 82 people from childhood to old age."""

import re
from collections.abc import Iterator
from pathlib import Path

from faceray.datasets.files import first_existing, images_below, relative
from faceray.datasets.sample import Dropped, Sample

NAME = re.compile(r"(\d{3})A(\d{2})[a-z]?", re.IGNORECASE)  # a letter tells photos of the same age apart


def read_fgnet(root: Path) -> Iterator[Sample | Dropped]:
    """FG-NET: `images/001A02.JPG` is person 001 at the age of 2. Sorted by path. The usual protocol leaves one person
    (`identity`) out.

    Raises:
        UserError: there is no such folder.
    """
    for path in images_below(first_existing(root, "images", "Images", ".")):
        image = relative(path, root)
        if match := NAME.fullmatch(path.stem):
            yield Sample(image=image, age=float(match[2]), identity=match[1])
        else:
            yield Dropped(image, "name is not personAage")
