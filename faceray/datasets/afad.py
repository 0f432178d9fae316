"""AFAD (Niu et al., CVPR 2016): Asian faces, sorted in folders by age and gender."""

import re
from collections.abc import Iterator
from pathlib import Path

from faceray.datasets.files import images_below, relative
from faceray.datasets.sample import Dropped, Sample

PATH = re.compile(r"(?:.*/)?(\d+)/(111|112)/[^/]+")
GENDERS = {"111": 1, "112": 0}


def read_afad(root: Path) -> Iterator[Sample | Dropped]:
    """AFAD-Full or AFAD-Lite: `<age>/<111 male, 112 female>/<name>.jpg`. Sorted by path; race is Asian throughout.

    Raises:
        UserError: `root` is not a folder.
    """
    for path in images_below(root):
        image = relative(path, root)
        if match := PATH.fullmatch(image):
            yield Sample(image=image, age=float(match[1]), gender=GENDERS[match[2]], race="Asian")
        else:
            yield Dropped(image, "folders are not age/111 or age/112")
