"""Batches as they reach the last stage, without running a network; and what the tables must agree on."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from faceray.inference.rows import RECOGNISED
from faceray.results.committer import Committer
from faceray.results.parts import WriteParts
from faceray.storage import Folder


def recognised(*images: tuple[int, int] | tuple[int, str], replaces: bool = False, version: str = "1") -> pa.Table:
    """A table of RECOGNISED of (image_id, number of faces) or (image_id, status)."""
    rows = [_image(image_id, faces, replaces, version) for image_id, faces in images]
    return pa.Table.from_pylist(rows, schema=RECOGNISED)


def _image(image_id: int, faces: int | str, replaces: bool, version: str) -> dict[str, Any]:
    row = {"image_id": image_id, "uri": f"file:///{image_id}.jpg", "version": version, "replaces": replaces}
    row |= {"bytes": 10, "load_seconds": 0.1, "detect_seconds": 0.2, "recognise_seconds": 0.3}
    if isinstance(faces, str):
        return {**row, "status": faces, "error": "why", "faces": []}
    known = {"status": "ok", "sha256": "0" * 64, "format": "JPEG", "width": 640, "height": 480}
    return {**row, **known, "faces": [face(image_id, index) for index in range(faces)]}


def face(image_id: int, index: int) -> dict[str, Any]:
    """Only what may not be null, and an embedding that tells the face apart."""
    row: dict[str, Any] = dict.fromkeys(("x1", "y1", "x2", "y2", "yaw", "pitch", "roll"), float(index))
    row |= dict.fromkeys(("quality", "quality_size", "quality_sharpness", "quality_exposure"), 0.5)
    row |= {"face_index": index, "score": 0.9, "landmarks": [1.0] * 10, "quality_frontality": 0.5}
    return row | {"embedding": [float(image_id), float(index)]}


def report(output: Folder, run: str, batch: pa.Table, models: str = "m") -> dict[str, Any]:
    """What the write task of this batch tells the driver."""
    (told,) = WriteParts(output, run, models)(batch).to_pylist()
    return dict(told)


def run(output: Folder, name: str, *batches: pa.Table, models: str = "m") -> Committer:
    """A whole run that writes these batches."""
    committer = Committer(output, seconds=0)
    committer.claim()
    for batch in batches:
        committer.add(report(output, name, batch, models))
    committer.close()
    return committer


def contents(output: Folder) -> dict[int, tuple[str, str, int]]:
    """Run, status and number of faces of every image; checks that the tables agree with each other."""
    committer = Committer(output, seconds=0)
    images = committer.images.dataset().to_table().to_pandas()
    faces = committer.faces.dataset().to_table().to_pandas()
    assert images["image_id"].is_unique
    assert faces["face_id"].is_unique
    runs = dict(zip(images["image_id"], images["run_id"], strict=True))
    assert (faces["image_id"].map(runs) == faces["run_id"]).all()
    counts = faces["image_id"].value_counts()
    assert (images["image_id"].map(counts).fillna(0) == images["face_count"]).all()
    columns = (images[name] for name in ("image_id", "run_id", "status", "face_count"))
    return {int(i): (str(r), str(s), int(n)) for i, r, s, n in zip(*columns, strict=True)}


def plain(output: Folder, table: str) -> pd.DataFrame:
    """The table as somebody sees it who knows nothing of its log."""
    rows: pd.DataFrame = pa.parquet.read_table(Path(output.path) / table).to_pandas()
    return rows
