"""The rows that travel between the inference stages: one for each image, its faces in a list."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from faceray.corpus.loading import LOADED
from faceray.corpus.status import Status
from faceray.results.schema import FACES

Row = dict[str, Any]

_KEYS = ("face_id", "image_id", "uri", "run_id")  # known only when the tables are written
FACE_FIELDS = [f for f in FACES if f.name not in _KEYS]
EMBEDDING = ("embedding",)  # what the networks after the detector add: null before them
ATTRIBUTES = tuple(f.name for f in FACE_FIELDS if f.nullable and f.name not in EMBEDDING)


def _rows(face: list[pa.Field], *seconds: str) -> pa.Schema:
    image = [f for f in LOADED if f.name != "pixels"]
    return pa.schema([*image, *((s, pa.float64()) for s in seconds), ("faces", pa.list_(pa.struct(face)))])


# `crops`: for each Crop that a network asked for, count * size * size * 3 bytes of RGB.
DETECTED = _rows([*FACE_FIELDS, pa.field("crops", pa.list_(pa.large_binary()))], "detect_seconds")
RECOGNISED = _rows(FACE_FIELDS, "detect_seconds", "recognise_seconds")


def failed(row: Row, error: Exception) -> Row:
    """The row of an image that a stage could not handle: no faces, and the reason."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return {**row, "status": Status.FAILED, "error": reason[:500], "faces": []}


def each_or_failed(work: Callable[[list[Row]], list[Row]], rows: list[Row]) -> list[Row]:
    """Do the work on all rows at once; where that raises, one by one, so that only the guilty ones fail."""
    try:
        return work(rows)
    except Exception as error:  # whatever a network or a library raises must not end a run of millions
        if len(rows) == 1:
            return [failed(rows[0], error)]
        return [result for row in rows for result in each_or_failed(work, [row])]
