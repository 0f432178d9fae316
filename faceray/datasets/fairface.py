"""FairFace (Kärkkäinen & Joo, WACV 2021): faces balanced over seven races, with age group and gender."""

from collections.abc import Iterator
from math import inf
from pathlib import Path

from faceray.datasets.files import first_existing, relative
from faceray.datasets.sample import Dropped, Sample
from faceray.datasets.text import table_rows

GENDERS = {"Female": 0, "Male": 1}
# The schema's Other, as UTKFace defines it, has the Latin American and the Middle Eastern faces.
RACES = {
    "White": "White",
    "Black": "Black",
    "East Asian": "Asian",
    "Southeast Asian": "Asian",
    "Indian": "Indian",
    "Latino_Hispanic": "Other",
    "Middle Eastern": "Other",
}
AGE_GROUPS: dict[str, tuple[float, float]] = {"0-2": (0, 2), "3-9": (3, 9), "more than 70": (70, inf)}
AGE_GROUPS |= {f"{low}-{low + 9}": (low, low + 9) for low in range(10, 70, 10)}


def read_fairface(root: Path) -> Iterator[Sample | Dropped]:
    """FairFace: `fairface_label_train.csv` and `fairface_label_val.csv`, or one of them, beside the folders of images
    that they name. Yields train, then val, in the tables' order. Ages are ranges.

    Raises:
        UserError: there is no table, or it lacks a column.
    """
    tables = {split: root / f"fairface_label_{split}.csv" for split in ("train", "val")}
    first_existing(root, *(table.name for table in tables.values()))
    for split, table in tables.items():
        for row in table_rows(table, ("file", "age", "gender", "race")) if table.exists() else ():
            yield _face(relative(root / row["file"], root), row, split)


def _face(image: str, row: dict[str, str], split: str) -> Sample | Dropped:
    if row["age"] not in AGE_GROUPS or row["gender"] not in GENDERS or row["race"] not in RACES:
        return Dropped(image, "unknown label")
    return Sample(
        image=image,
        age_range=AGE_GROUPS[row["age"]],
        gender=GENDERS[row["gender"]],
        race=RACES[row["race"]],
        split=split,
    )
