"""All-Age-Faces (Cheng et al., Tsinghua Sci. Technol. 2019): 13,322 mostly Asian people of 2 to 80, one photo each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceray.datasets.files import first_existing, images_below, read_lines, relative
from faceray.datasets.sample import Dropped, Sample

NAME = re.compile(r"(\d{5})A(\d{2})")
LAST_FEMALE, LAST_PERSON = 7380, 13321
# "aglined" is how the set spells it.
FOLDERS = {"original": ("original images", "original_images"), "aligned": ("aglined faces", "aligned faces")}


@dataclass(frozen=True)
class AllAgeFacesOptions:
    """Which images to read: the `original` ones or the `aligned` faces."""

    images: Literal["original", "aligned"] = "original"


DEFAULT = AllAgeFacesOptions()


def read_all_age_faces(root: Path, options: AllAgeFacesOptions = DEFAULT) -> Iterator[Sample | Dropped]:
    """All-Age-Faces: `original images/00000A02.jpg` is person 0 at the age of 2. Sorted by path.

    People up to number 7380 are female, the others male. The split is that of `image sets/`, where there is one.
    Race is not labelled.

    Raises:
        UserError: the folder is absent.
    """
    splits = _official_split(root)
    for path in images_below(first_existing(root, *FOLDERS[options.images])):
        image = relative(path, root)
        match = NAME.fullmatch(path.stem)
        if match is None or int(match[1]) > LAST_PERSON:
            yield Dropped(image, "name is not personAage")
            continue
        yield Sample(
            image=image,
            age=float(match[2]),
            gender=int(int(match[1]) > LAST_FEMALE),
            identity=match[1],
            split=splits.get(path.stem),
        )


def _official_split(root: Path) -> dict[str, str]:
    """Name without suffix -> split. The lists write `00000A02.jpg 0` or `00000A02 0`; the number is the gender."""
    splits = {}
    for split in ("train", "val"):
        path = root / "image sets" / f"{split}.txt"
        for line in read_lines(path) if path.exists() else ():
            splits[line[:8]] = split
    return splits
