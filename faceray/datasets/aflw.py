"""AFLW (Köstinger et al., ICCVW 2011): faces from Flickr with 21 landmarks, head pose, gender and glasses."""

import math
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceray.datasets.files import images_below, relative
from faceray.datasets.landmarks import AFLW_21, Landmarks, with_five
from faceray.datasets.sample import Dropped, Sample
from faceray.datasets.text import table_rows
from faceray.errors import UserError

DATABASES = ("aflw/data/aflw.sqlite", "data/aflw.sqlite", "aflw.sqlite")
CSV_NAMES = {  # of the same tables, exported
    "Faces": "faceid.csv",
    "FaceImages": "faceimages.csv",
    "FaceRect": "facerect.csv",
    "FacePose": "facepose.csv",
    "FaceMetaData": "facemetadata.csv",
    "FeatureCoords": "featurecoords.csv",
}
GENDERS = {"f": 0, "m": 1}
FLAGS = {"0": False, "1": True}

FEATURES = {str(number): name for number, name in enumerate(AFLW_21, start=1)}

Query = Callable[[str, Sequence[str]], Iterator[tuple[Any, ...]]]  # table, columns -> its rows
Rows = dict[str, tuple[Any, ...]]  # by face_id, or by file_id


@dataclass(frozen=True)
class AflwOptions:
    """min_landmarks: faces with fewer visible landmarks are dropped."""

    min_landmarks: int = 0


@dataclass(frozen=True)
class _Tables:
    images: Rows  # file_id -> path
    boxes: Rows  # face_id -> x, y, width, height
    poses: Rows  # face_id -> roll, pitch, yaw in radians
    people: Rows  # face_id -> sex, glasses, occluded
    landmarks: dict[str, Landmarks]


def read_aflw(root: Path, options: AflwOptions = AflwOptions()) -> Iterator[Sample | Dropped]:
    """AFLW in one of three forms, whichever `root` has:

    `aflw/data/aflw.sqlite` beside `flickr/`, as published; its tables as `faceid.csv`, `facepose.csv`, `facerect.csv`
    (and, if there, `facemetadata.csv` and `featurecoords.csv`) beside `images/`; or two folders of crops, `face/` and
    `non-face/`, the second of which are negative examples. Faces come in the order of their numbers.

    Landmarks are named as in `AFLW_21`, with the faces table's five; an invisible one has no row in the database and
    is absent here. `subject` is the
    photo, which may show several faces.

    Raises:
        UserError: none of the three is there, or a table is damaged or lacks a column.
    """
    if (root / "face").is_dir() and (root / "non-face").is_dir():
        yield from _crops(root)
    elif (root / CSV_NAMES["Faces"]).is_file():
        faces, tables = _from_csv(root)
        yield from _faces(root, root / "images", faces, tables, options)
    else:
        database = next((root / name for name in DATABASES if (root / name).is_file()), None)
        if database is None:
            raise UserError(f"{root} has neither {DATABASES[0]} nor {CSV_NAMES['Faces']} nor face/ and non-face/")
        faces, tables = _from_database(database)
        yield from _faces(root, database.parent / "flickr", faces, tables, options)


def pose_from_aflw(roll: float, pitch: float, yaw: float) -> tuple[float, float, float]:
    """AFLW's angles in radians as yaw, pitch, roll in degrees with the signs of the faces table.

    AFLW's yaw is positive when the face turns to the viewer's left, its roll when the face tilts counter-clockwise
    as the viewer sees it; pitch is positive when the face looks up in both.
    """
    return -math.degrees(yaw) + 0.0, math.degrees(pitch), -math.degrees(roll) + 0.0  # + 0.0: no negative zero


def _crops(root: Path) -> Iterator[Sample]:
    for folder, is_face in (("face", True), ("non-face", False)):
        for path in images_below(root / folder):
            yield Sample(image=relative(path, root), is_face=is_face)


def _faces(root: Path, photos: Path, faces: Rows, tables: _Tables, options: AflwOptions) -> Iterator[Sample | Dropped]:
    for face, (file,) in sorted(faces.items(), key=lambda item: (len(item[0]), item[0])):
        if file not in tables.images:
            yield Dropped(f"face {face}", "the table of images does not have its photo")
            continue
        image = relative(photos / tables.images[file][0], root)
        box, landmarks = tables.boxes.get(face), tables.landmarks.get(face, {})
        if not (root / image).is_file():
            yield Dropped(image, "no such file")
        elif box is None and not landmarks:
            yield Dropped(image, "neither box nor landmarks")
        elif box is not None and not (min(box[2:]) > 0 and all(map(math.isfinite, box))):
            yield Dropped(image, "the box is empty")
        elif len(landmarks) < options.min_landmarks:
            yield Dropped(image, f"fewer than {options.min_landmarks} visible landmarks")
        else:
            yield _sample(image, face, tables)


def _sample(image: str, face: str, tables: _Tables) -> Sample:
    box = tables.boxes.get(face)
    pose = tables.poses.get(face, ())
    yaw, pitch, roll = pose_from_aflw(*pose) if pose and all(map(math.isfinite, pose)) else (None, None, None)
    sex, glasses, occluded = tables.people.get(face, (None, None, None))
    flags = {"eyeglasses": FLAGS.get(glasses), "occluded": FLAGS.get(occluded)}
    return Sample(
        image=image,
        box=(box[0], box[1], box[0] + box[2], box[1] + box[3]) if box else None,
        landmarks=with_five(tables.landmarks[face]) if face in tables.landmarks else None,
        marked=AFLW_21 if face in tables.landmarks else (),
        gender=GENDERS.get(sex),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        attributes={name: flag for name, flag in flags.items() if flag is not None},
        subject=image,
    )


def _from_database(path: Path) -> tuple[Rows, _Tables]:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            names = {row[0].lower() for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table in CSV_NAMES:
                if table.lower() not in names:
                    raise UserError(f"{path} has no table {table}")

            def rows(table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
                return database.execute(f"SELECT {', '.join(columns)} FROM {table}")

            return _tables(rows, path)
    except sqlite3.Error as error:
        raise UserError(f"cannot read {path}: {error}") from error


def _from_csv(root: Path) -> tuple[Rows, _Tables]:
    optional = {"FaceMetaData", "FeatureCoords"}

    def rows(table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        path = root / CSV_NAMES[table]
        if table == "FaceImages":  # the exported form has none: photos lie in one folder, named by file_id
            return ((row["file_id"],) * 2 for row in table_rows(root / CSV_NAMES["Faces"], ["file_id"]))
        if table in optional and not path.exists():
            return iter(())
        return (tuple(row.values()) for row in table_rows(path, columns))

    return _tables(rows, root)


def _tables(rows: Query, source: Path) -> tuple[Rows, _Tables]:
    """All that the reader needs, keys as text; `rows` gives columns of a table."""

    def keyed(table: str, key: str, *columns: str) -> Rows:
        return {str(k): tuple(map(_text, values)) for k, *values in rows(table, (key, *columns))}

    def numbers(table: str, *columns: str) -> Rows:
        return {str(k): tuple(map(_number, values)) for k, *values in rows(table, ("face_id", *columns))}

    landmarks: dict[str, Landmarks] = defaultdict(dict)
    for face, feature, x, y in rows("FeatureCoords", ("face_id", "feature_id", "x", "y")):
        if str(feature) not in FEATURES:
            raise UserError(f"{source}: feature_id {str(feature)[:20]!r} is not 1 to {len(FEATURES)}")
        if math.isfinite(_number(x)) and math.isfinite(_number(y)):
            landmarks[str(face)][FEATURES[str(feature)]] = (_number(x), _number(y))
    tables = _Tables(
        images=keyed("FaceImages", "file_id", "filepath"),
        boxes=numbers("FaceRect", "x", "y", "w", "h"),
        poses=numbers("FacePose", "roll", "pitch", "yaw"),
        people=keyed("FaceMetaData", "face_id", "sex", "glasses", "occluded"),
        landmarks=dict(landmarks),
    )
    return keyed("Faces", "face_id", "file_id"), tables


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> float:
    """The number, or NaN for what is none: columns of SQLite may hold anything."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
