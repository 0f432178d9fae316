"""The tables in numbers: what DuckDB counts over them in a few scans, whatever their size."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import Any

import duckdb
import pyarrow.dataset as ds

from faceray.results.charts import Bins, octaves, uniform
from faceray.results.schema import BINARY_ATTRIBUTES, LABELS

_UNIT = uniform(0, 1, 20, 4)
_ANGLE = uniform(-90, 90, 18, 4, "degrees")
_FEW_OR_MANY = {
    "0": 0,
    "1": 1,
    "2": 2,
    "3": 3,
    "4": 4,
    "5 to 9": 9,
    "10 to 19": 19,
    "20 to 49": 49,
    "50 or more": 2**31 - 1,
}


@dataclass(frozen=True)
class Quantity:
    """A number that faces have, and the bins that it is counted in."""

    title: str
    sql: str
    bins: Bins
    digits: int = 2


QUANTITIES = (
    Quantity("Age", "age", uniform(0, 100, 20, 5, "years"), 0),
    Quantity("Face height", "y2 - y1", octaves(16, 2048, "pixels"), 0),
    Quantity("Detector score", "score", uniform(0.5, 1, 20, 5), 3),
    Quantity("Quality", "quality", _UNIT),
    Quantity("Quality: size", "quality_size", _UNIT),
    Quantity("Quality: sharpness", "quality_sharpness", _UNIT),
    Quantity("Quality: exposure", "quality_exposure", _UNIT),
    Quantity("Quality: frontality", "quality_frontality", _UNIT),
    Quantity("Yaw", "yaw", _ANGLE, 0),
    Quantity("Pitch", "pitch", _ANGLE, 0),
    Quantity("Roll", "roll", _ANGLE, 0),
)


@dataclass(frozen=True)
class Distribution:
    """Counts of one quantity in its bins, and its 5th, 50th and 95th percentile (of a sample); NaN is left out."""

    quantity: Quantity
    counts: tuple[int, ...]
    percentiles: tuple[float, float, float]


@dataclass(frozen=True)
class Mix:
    """How many faces have each value of an attribute, of the `known` ones that have any.

    For a label the counts are of its values, for a binary attribute the one count is of probabilities over 0.5.
    """

    name: str
    known: int
    counts: dict[str, int]


@dataclass(frozen=True)
class ImageSummary:
    """The images table in numbers; `remarks` are the usable images that have an error text all the same."""

    statuses: dict[str, int]
    face_count: int
    remarks: int
    faces_per_image: dict[str, int]

    @property
    def rows(self) -> int:
        """Number of images."""
        return sum(self.statuses.values())


@dataclass(frozen=True)
class FaceSummary:
    """The faces table in numbers."""

    rows: int
    distributions: tuple[Distribution, ...]
    labels: tuple[Mix, ...]
    binary: tuple[Mix, ...]


def summarise_images(images: ds.Dataset) -> ImageSummary:
    """Count the images by status and by number of faces. Two scans of three short columns."""
    statuses = _query(images, "SELECT status, count(*) AS n FROM rows GROUP BY status ORDER BY n DESC, status")
    sums = _query(
        images,
        f"""SELECT coalesce(sum(face_count), 0)::BIGINT AS face_count, count(error) FILTER (status = 'ok') AS remarks,
        histogram(face_count, {list(_FEW_OR_MANY.values())}) FILTER (status = 'ok') AS histogram FROM rows""",
    )[0]
    counts = _in_order(sums["histogram"], len(_FEW_OR_MANY))
    return ImageSummary(
        {row["status"]: row["n"] for row in statuses},
        sums["face_count"],
        sums["remarks"],
        dict(zip(_FEW_OR_MANY, counts, strict=True)),
    )


def summarise_faces(faces: ds.Dataset) -> FaceSummary:
    """Count the faces by every quantity and attribute, in one scan of those columns."""
    row = _query(faces, f"SELECT {', '.join(_aggregates())} FROM rows")[0]
    return FaceSummary(
        row["faces"],
        tuple(
            Distribution(
                q, _in_order(row[q.title], len(q.bins.edges) - 1), tuple(row[f"{q.title} percentiles"] or [0.0] * 3)
            )
            for q in QUANTITIES
        ),
        tuple(_label_mix(name, row) for name in LABELS),
        tuple(Mix(name, row[f"{name} known"], {name: row[name]}) for name in BINARY_ATTRIBUTES),
    )


def extreme_faces(faces: ds.Dataset, column: str, highest: bool, count: int) -> list[dict[str, Any]]:
    """Box, landmarks and URI of the `count` faces with the highest or the lowest finite value in `column`."""
    order = "DESC" if highest else "ASC"
    return _query(
        faces,
        f"""SELECT uri, x1, y1, x2, y2, landmarks, {column} FROM rows
        WHERE isfinite({column}) ORDER BY {column} {order}, face_id LIMIT {count}""",
    )


def failed_images(images: ds.Dataset, count: int) -> list[dict[str, Any]]:
    """URI, status and error of at most `count` images that are not `ok`, taken from all statuses in turn."""
    by_status = _query(
        images,
        f"""SELECT min_by({{uri: uri, status: status, error: error}}, image_id, {count}) AS some
        FROM rows WHERE status <> 'ok' GROUP BY status ORDER BY status""",
    )
    turns = chain.from_iterable(zip_longest(*(row["some"] for row in by_status)))
    return list(islice((image for image in turns if image is not None), count))


def _query(rows: ds.Dataset, sql: str) -> list[dict[str, Any]]:
    with duckdb.connect() as db:
        db.register("rows", rows)
        result = db.execute(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, values, strict=True)) for values in result.fetchall()]


def _aggregates() -> Iterator[str]:
    yield "count(*) AS faces"
    for q in QUANTITIES:
        uppers = [*q.bins.edges[1:-1], 1e300]  # the last bin has what is beyond it, too
        yield f'histogram(({q.sql})::DOUBLE, {uppers}::DOUBLE[]) FILTER (isfinite({q.sql})) AS "{q.title}"'
        yield f'reservoir_quantile({q.sql}, [0.05, 0.5, 0.95]) FILTER (isfinite({q.sql})) AS "{q.title} percentiles"'
    for name in LABELS:
        yield f'count({name}) AS "{name} known"'  # histogram(name) would be shorter, and keeps every string in memory
        yield from (f"count(*) FILTER ({name} = '{label}') AS \"{name} {label}\"" for label in LABELS[name])
    for name in BINARY_ATTRIBUTES:
        yield f'count(*) FILTER ({name} > 0.5) AS {name}, count({name}) AS "{name} known"'


def _label_mix(name: str, row: dict[str, Any]) -> Mix:
    known, counts = row[f"{name} known"], {label: row[f"{name} {label}"] for label in LABELS[name]}
    unheard = known - sum(counts.values())  # labels that the schema does not have are not lost from the sum
    return Mix(name, known, counts | ({"other values": unheard} if unheard else {}))


def _in_order(histogram: dict[float, int] | None, bins: int) -> tuple[int, ...]:
    return tuple(n for _, n in sorted(histogram.items())) if histogram else (0,) * bins
