"""Adience (Eidinger, Enbar & Hassner, TIFS 2014): faces from Flickr, with one of eight age groups and the gender."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceray.datasets.files import first_existing
from faceray.datasets.sample import Dropped, Sample
from faceray.datasets.text import table_rows

FOLDS = 5
AGE_GROUPS = ((0, 2), (4, 6), (8, 12), (15, 20), (25, 32), (38, 43), (48, 53), (60, 100))
# The files also have these ranges, for the groups that they stand next to.
MISSPELT_GROUPS = {(8, 13): (8, 12), (8, 23): (8, 12), (27, 32): (25, 32), (38, 42): (38, 43), (38, 48): (38, 43)}
GENDERS = {"f": 0, "m": 1}  # also `u` and nothing at all
NAMES = {"faces": "coarse_tilt_aligned_face", "aligned": "landmark_aligned_face"}


@dataclass(frozen=True)
class AdienceOptions:
    """Which crops to read: `faces`, turned upright only, or `aligned`, by landmarks."""

    images: Literal["faces", "aligned"] = "faces"


DEFAULT = AdienceOptions()


def read_adience(root: Path, options: AdienceOptions = DEFAULT) -> Iterator[Sample | Dropped]:
    """Adience: `fold_0_data.txt` to `fold_4_data.txt` (here, in `folds/` or in `labels_list/`) beside `faces/` and
    `aligned/`. Yields in the files' order; `fold` is the official one, no Flickr album is in two of them.

    An age is a range, or a single number; faces without age or without gender are kept for the other label.

    Raises:
        UserError: a fold is absent, or is not a table with the official columns.
    """
    folds = first_existing(root, "fold_0_data.txt", "folds/fold_0_data.txt", "labels_list/fold_0_data.txt").parent
    columns = ("user_id", "original_image", "face_id", "age", "gender")
    for fold in range(FOLDS):
        for row in table_rows(folds / f"fold_{fold}_data.txt", columns, delimiter="\t"):
            name = f"{NAMES[options.images]}.{row['face_id']}.{row['original_image']}"
            yield _face(f"{options.images}/{row['user_id']}/{name}", row, fold)


def parse_age(text: str) -> tuple[float, float] | float | None:
    """`(25, 32)` is a range, spelt as one of the eight groups; `35` an age; `None` and all else nothing."""
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    if len(numbers) == 1:
        return float(numbers[0])
    if len(numbers) != 2:
        return None
    low, high = MISSPELT_GROUPS.get((numbers[0], numbers[1]), (numbers[0], numbers[1]))
    return float(low), float(high)


def _face(image: str, row: dict[str, str], fold: int) -> Sample | Dropped:
    age, gender = parse_age(row["age"]), GENDERS.get(row["gender"])
    if age is None and gender is None:
        return Dropped(image, "neither age nor gender")
    return Sample(
        image=image,
        age=age if isinstance(age, float) else None,
        age_range=age if isinstance(age, tuple) else None,
        gender=gender,
        subject=row["user_id"],  # an album, which may show several people
        fold=fold,
    )
