"""UTKFace (Zhang, Song & Qi, CVPR 2017): faces of all ages; the file name says age, gender and race."""

from collections.abc import Iterator
from pathlib import Path

from faceray.datasets.files import images_below, relative
from faceray.datasets.sample import Dropped, Sample
from faceray.results.schema import RACES

GENDERS = {"0": 1, "1": 0}  # the set's 0 is male, ours is female


def read_utkface(root: Path) -> Iterator[Sample | Dropped]:
    """UTKFace, aligned or in the wild: every image below `root`, in any folders, sorted by path.

    Names are `age_gender_race_date.jpg`. A few have three fields only, and nothing says which of the two is missing.

    Raises:
        UserError: `root` is not a folder.
    """
    for path in images_below(root):
        yield _face(relative(path, root), path.name.split("_"))


def _face(image: str, fields: list[str]) -> Sample | Dropped:
    if len(fields) == 3:
        return Dropped(image, "race or gender is missing in the name")
    if len(fields) != 4 or not fields[0].isdecimal():
        return Dropped(image, "name is not age_gender_race_date")
    age, gender, race, _ = fields
    if gender not in GENDERS:
        return Dropped(image, "gender is neither 0 nor 1")
    if not race.isdecimal() or int(race) >= len(RACES):
        return Dropped(image, "race is not from 0 to 4")
    return Sample(image=image, age=float(age), gender=GENDERS[gender], race=RACES[int(race)])
