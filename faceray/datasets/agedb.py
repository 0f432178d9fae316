"""AgeDB (Moschoglou et al., CVPRW 2017): famous people through their lives, collected by hand."""

import re
from collections.abc import Iterator
from pathlib import Path

from faceray.datasets.files import images_below, relative
from faceray.datasets.sample import Dropped, Sample

NAME = re.compile(r"\d+_(.+)_(\d+)_([mf])")
GENDERS = {"f": 0, "m": 1}


def read_agedb(root: Path) -> Iterator[Sample | Dropped]:
    """AgeDB: `<number>_<Person>_<age>_<m or f>.jpg`, in any folders below `root`, sorted by path.

    Raises:
        UserError: `root` is not a folder.
    """
    for path in images_below(root):
        image = relative(path, root)
        if match := NAME.fullmatch(path.stem):
            yield Sample(image=image, age=float(match[2]), gender=GENDERS[match[3]], identity=match[1])
        else:
            yield Dropped(image, "name is not number_person_age_gender")
