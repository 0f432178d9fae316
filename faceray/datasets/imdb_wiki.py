"""IMDB-WIKI (Rothe et al., IJCV 2018): faces of famous people, with the age at which they were photographed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import inf
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from faceray.datasets.files import first_existing, relative
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError

Database = Literal["imdb", "wiki"]
MATLAB_DAY_0 = 366  # MATLAB counts the days from the year 0, Python from the year 1
LAST_DAY = date.max.toordinal()


@dataclass(frozen=True)
class ImdbWikiOptions:
    """What to keep of sets that are noisy: found on the web, labelled by a face detector and a calendar.

    Args:
        images: `crop`, the faces cut out with a margin, or `full`, the photos, where the set's box applies.
        min_face_score: the detector's score must be greater. -inf: it must have found a face; None: no matter.
        single_face: drop where the detector found a second face, since the label may belong to that one.
        gender_required: drop where gender is unknown.
        min_age, max_age: years, both allowed.
        age_rule: photos are dated by year only. `month` takes them as of July 1: who was born from July on has not
            had the birthday yet. `year` is the difference of the years.
    """

    images: Literal["crop", "full"] = "crop"
    min_face_score: float | None = 1.0
    single_face: bool = True
    gender_required: bool = True
    min_age: float = 0
    max_age: float = 100
    age_rule: Literal["month", "year"] = "month"


DEFAULT = ImdbWikiOptions()
PRESETS = {  # ours, and the rules of the originals
    "default": DEFAULT,
    "all_in_one": ImdbWikiOptions(min_face_score=-inf, single_face=False, min_age=1, max_age=149),
    "eagp": ImdbWikiOptions(min_face_score=3, min_age=-inf, max_age=inf, age_rule="year"),
    "agendernet": ImdbWikiOptions(min_face_score=None, age_rule="year"),
    "c3ae": ImdbWikiOptions(min_face_score=None, min_age=1),
}


def read_imdb(root: Path, options: ImdbWikiOptions = DEFAULT) -> Iterator[Sample | Dropped]:
    """IMDB: `imdb.mat` beside its folders of images, or `imdb_crop/` (`imdb/`) with both. Yields in the file's order.

    Raises:
        UserError: the .mat file is absent or is not the set's.
    """
    return _read(root, "imdb", options)


def read_wiki(root: Path, options: ImdbWikiOptions = DEFAULT) -> Iterator[Sample | Dropped]:
    """WIKI: as `read_imdb`, with `wiki` for `imdb`."""
    return _read(root, "wiki", options)


def age_in(year: int, day_of_birth: int, rule: Literal["month", "year"] = "month") -> int:
    """Age in years on a photo of that year. `day_of_birth` is MATLAB's serial number of a day."""
    birth = date.fromordinal(min(max(day_of_birth - MATLAB_DAY_0, 1), LAST_DAY))
    return year - birth.year - (rule == "month" and birth.month >= 7)


def _read(root: Path, database: Database, options: ImdbWikiOptions) -> Iterator[Sample | Dropped]:
    folder = f"{database}_crop" if options.images == "crop" else database
    path = first_existing(root, f"{database}.mat", f"{folder}/{database}.mat")
    columns = _columns(path, database)
    for row in zip(*columns.values(), strict=True):
        yield _face(relative(path.parent, root), dict(zip(columns, row, strict=True)), options)


def _columns(path: Path, database: Database) -> dict[str, Any]:
    names = ("full_path", "dob", "photo_taken", "gender", "face_score", "second_face_score", "face_location")
    try:
        table = loadmat(path, variable_names=[database])[database][0, 0]
        columns = {name: table[name].ravel() for name in names}
        if len({len(column) for column in columns.values()}) > 1:
            raise ValueError("columns differ in length")
        return columns
    except (OSError, KeyError, IndexError, TypeError, ValueError, NotImplementedError, MatReadError) as error:
        raise UserError(f"{path} is not the table of the {database} set: {error}") from error


def _face(folder: str, row: dict[str, Any], options: ImdbWikiOptions) -> Sample | Dropped:
    path = PurePosixPath(str(row["full_path"].item()))
    image = (PurePosixPath(folder) / path).as_posix()
    age = age_in(int(row["photo_taken"]), int(row["dob"]), options.age_rule)
    gender = int(row["gender"]) if row["gender"] in (0, 1) else None
    if reason := _reason_to_drop(row["face_score"], row["second_face_score"], gender, age, options):
        return Dropped(image, reason)
    return Sample(
        image=image,
        box=_box(row["face_location"]) if options.images == "full" else None,
        age=float(age),
        gender=gender,
        identity=path.name.split("_")[0],  # IMDb's number of the person, or that of the Wikipedia page
    )


def _reason_to_drop(
    score: float, second_score: float, gender: int | None, age: int, options: ImdbWikiOptions
) -> str | None:
    if options.min_face_score is not None and not score > -inf:  # -inf where there is none; nan compares false
        return "no face found"
    if options.min_face_score is not None and not score > options.min_face_score:
        return f"face score not above {options.min_face_score:g}"
    if options.single_face and second_score == second_score:  # nan where there is none
        return "second face found"
    if options.gender_required and gender is None:
        return "gender unknown"
    if not options.min_age <= age <= options.max_age:
        return f"age not from {options.min_age:g} to {options.max_age:g}"
    return None


def _box(location: Any) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (float(value) for value in location.ravel())
    return x1 - 1, y1 - 1, x2, y2  # MATLAB's first pixel is 1, and its box includes the last
