"""CACD (Chen, Chen & Hsu, ECCV 2014): 2,000 celebrities photographed over ten years."""

import re
from collections.abc import Iterator
from pathlib import Path

from faceray.datasets.files import images_below, relative
from faceray.datasets.sample import Dropped, Sample

NAME = re.compile(r"(\d+)_(.+)_(\d+)")


def read_cacd(root: Path) -> Iterator[Sample | Dropped]:
    """CACD2000: `<age>_<First>_<Last>_<number>.jpg`, in any folders below `root`, sorted by path. The age is the
    year of the photo less that of birth.

    Raises:
        UserError: `root` is not a folder.
    """
    for path in images_below(root):
        image = relative(path, root)
        if match := NAME.fullmatch(path.stem):
            yield Sample(image=image, age=float(match[1]), identity=match[2])
        else:
            yield Dropped(image, "name is not age_person_number")
