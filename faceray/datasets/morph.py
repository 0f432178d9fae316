"""MORPH Album 2 (Ricanek & Tesafaye, FG 2006): police photos of people taken over years."""

from collections.abc import Iterator
from pathlib import Path

from faceray.datasets.files import relative
from faceray.datasets.sample import Dropped, Sample
from faceray.datasets.text import table_rows

TABLE = "morph_2008_nonCommercial.csv"
GENDERS = {"F": 0, "M": 1}
RACES = {"W": "White", "B": "Black", "A": "Asian", "I": "Indian", "H": "Other", "O": "Other"}  # U: unknown


def read_morph(root: Path) -> Iterator[Sample | Dropped]:
    """MORPH: `morph_2008_nonCommercial.csv` beside `Album2/`. Yields in the table's order. H is Hispanic, which the
    schema counts to Other.

    Raises:
        UserError: the table is absent or lacks a column.
    """
    for row in table_rows(root / TABLE, ("id_num", "race", "gender", "age", "photo")):
        image = relative(root / (row["photo"] or TABLE), root)
        if not row["photo"] or not row["age"].isdecimal():
            yield Dropped(image, "row without photo or age")
            continue
        yield Sample(
            image=image,
            age=float(row["age"]),
            gender=GENDERS.get(row["gender"].upper()),
            race=RACES.get(row["race"].upper()),
            identity=row["id_num"],
        )
