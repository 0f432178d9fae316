"""A table of one's own, CSV or Parquet: columns are fields of Sample, and nothing else."""

import csv
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from faceray.datasets.sample import Dropped, Sample
from faceray.datasets.text import table_rows
from faceray.errors import UserError
from faceray.results.schema import EMOTIONS, GENDERS, RACES

SPLITS = ("train", "val", "test")


def read_own_table(root: Path) -> Iterator[Sample | Dropped]:
    """The rows of a `.csv` or `.parquet` file, or of the only one in a folder; images relative to that folder.

    `image` is required, all other columns and values may be missing. Gender is 0 or `female`, 1 or `male`. In CSV,
    `box`, `landmarks`, `marked`, `age_range`, `emotion_votes` and `attributes` are JSON, `{"smile": true}`; in Parquet
    they are lists, structs or maps. `data`, the encoded image itself, is for Parquet only.

    Raises:
        UserError: no such file, an unknown column, or a value that does not fit its column, with the row.
    """
    path = _table(root)
    is_csv = path.suffix.lower() == ".csv"
    known = set(_FIELDS) - ({"data"} if is_csv else set())
    columns = _csv_columns(path) if is_csv else _parquet_columns(path)
    if unknown := [name for name in columns if name not in known]:
        raise UserError(f"{path} has unknown columns: {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    if "image" not in columns:
        raise UserError(f"{path} has no column image")
    rows = table_rows(path, columns) if is_csv else _parquet_rows(path)
    for number, row in enumerate(rows, start=1):
        sample = Sample(**{name: _value(name, value, number, path) for name, value in row.items() if _given(value)})
        if sample.data is None and "://" not in sample.image and not (path.parent / sample.image).is_file():
            yield Dropped(sample.image, "no such file")
        else:
            yield sample


def _table(root: Path) -> Path:
    files = [root]
    if root.is_dir():
        files = sorted(path for path in root.iterdir() if path.suffix.lower() in (".csv", ".parquet"))
    if len(files) != 1 or files[0].suffix.lower() not in (".csv", ".parquet"):
        raise UserError(f"{root} is not, or does not have exactly one, .csv or .parquet file")
    return files[0]


def _csv_columns(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot read {path}: {error}") from error


def _parquet_columns(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"cannot read {path}: {error}") from error


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"cannot read {path}: {error}") from error


def _given(value: Any) -> bool:
    return value is not None and value != "" and not (isinstance(value, float) and math.isnan(value))


def _value(name: str, value: Any, number: int, path: Path) -> Any:
    try:
        return _FIELDS[name](value)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise UserError(f"{path}, row {number}: {str(value)[:40]!r} does not fit column {name}") from None


def _one_of(known: tuple[str, ...]) -> Callable[[Any], str]:
    return lambda value: known[known.index(value)]


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _age(value: Any) -> float:
    age = _number(value)
    if age < 0:
        raise ValueError(value)
    return age


def _integer(value: Any) -> int:
    number = float(value)
    if not number.is_integer():
        raise ValueError(value)
    return int(number)


def _gender(value: Any) -> int:
    return GENDERS.index(value) if value in GENDERS else range(len(GENDERS)).index(_integer(value))


def _boolean(value: Any) -> bool:
    return {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}[str(value).lower()]


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _tuple(length: int) -> Callable[[Any], tuple[float, ...]]:
    def numbers(value: Any) -> tuple[float, ...]:
        found = tuple(float(x) for x in _json(value))
        if len(found) != length or any(map(math.isnan, found)):
            raise ValueError(value)
        return found

    return numbers


def _landmarks(value: Any) -> dict[str, tuple[float, float]]:
    """Points by name, from JSON, a struct (absent points are null) or a map."""
    points = {str(name): point for name, point in dict(_json(value)).items() if point is not None}
    return {name: (_number(x), _number(y)) for name, (x, y) in points.items()}


def _names(value: Any) -> tuple[str, ...]:
    return tuple(map(str, _json(value)))


def _attributes(value: Any) -> dict[str, bool]:
    return {str(name): _boolean(flag) for name, flag in dict(_json(value)).items() if flag is not None}


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "image": str,
    "data": bytes,
    "box": _tuple(4),
    "landmarks": _landmarks,
    "marked": _names,
    "age": _age,
    "age_range": _tuple(2),
    "gender": _gender,
    "race": _one_of(RACES),
    "emotion": _one_of(EMOTIONS),
    "emotion_votes": _tuple(len(EMOTIONS)),
    "yaw": _number,
    "pitch": _number,
    "roll": _number,
    "attributes": _attributes,
    "is_face": _boolean,
    "identity": str,
    "subject": str,
    "split": _one_of(SPLITS),
    "fold": _integer,
    "pair_fold": _integer,
}
