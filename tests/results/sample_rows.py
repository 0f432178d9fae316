"""Rows of both tables to build small datasets from: give what matters, the rest is filled in."""

from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from faceray.results.schema import FACES, IMAGES

_IMAGE = {"version": "1", "status": "ok", "face_count": 0, "models": "m", "run_id": "R", "annotated_at": 0}
_FACE = {"face_index": 0, "x1": 10.0, "y1": 10.0, "x2": 50.0, "y2": 60.0, "score": 0.9, "landmarks": [30.0] * 10}
_FACE |= {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "run_id": "R"}
_FACE |= dict.fromkeys(("quality", "quality_size", "quality_sharpness", "quality_exposure", "quality_frontality"), 0.5)


def images_of(*rows: dict[str, Any]) -> ds.Dataset:
    """A dataset with the schema of the images table."""
    filled = [{**_IMAGE, "image_id": i, "uri": f"file:///photos/{i}.jpg", **row} for i, row in enumerate(rows)]
    return ds.dataset(pa.Table.from_pylist(filled, schema=IMAGES))


def faces_of(*rows: dict[str, Any]) -> ds.Dataset:
    """A dataset with the schema of the faces table."""
    filled = [
        {**_FACE, "face_id": i, "image_id": i, "uri": f"file:///photos/{i}.jpg", **r} for i, r in enumerate(rows)
    ]
    return ds.dataset(pa.Table.from_pylist(filled, schema=FACES))
