"""The first stage: from a piece of the plan to pixels, or a status."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import pyarrow as pa

from faceray.corpus.decode import Limits, decode
from faceray.corpus.fetch import fetch
from faceray.corpus.plan import read_piece
from faceray.corpus.source import LISTING
from faceray.corpus.status import ImageError, Status
from faceray.storage import Folder

# One row for each image, from here to the end of the pipeline. `pixels` are height * width * 3 bytes of RGB.
LOADED = pa.schema(
    [
        *LISTING,
        ("replaces", pa.bool_()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("sha256", pa.string()),
        ("format", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("pixels", pa.large_binary()),
        ("load_seconds", pa.float64()),
    ]
)


def travelling(given: pa.Schema, expected: pa.Schema, result: pa.Schema) -> pa.Schema:
    """The schema of a stage's result: columns that it was given and did not expect travel along."""
    return pa.schema([*result, *(f for f in given if f.name not in expected.names)])


class Load:
    """Fetch and decode: rows of (file, group), pieces of the plan, become rows of LOADED.

    A plan whose rows come from a container has a column `data` with the encoded images; these are not fetched.
    """

    def __init__(self, plan: Folder, limits: Limits, threads: int) -> None:
        self.plan, self.limits, self.threads = plan, limits, threads

    def __call__(self, batch: pa.Table) -> pa.Table:
        cv2.setNumThreads(1)
        start = time.perf_counter()
        pieces = [read_piece(self.plan, piece["file"], piece["group"]) for piece in batch.to_pylist()]
        with ThreadPoolExecutor(self.threads) as pool:
            rows = list(pool.map(self._load, (row for piece in pieces for row in piece.to_pylist())))
        seconds = (time.perf_counter() - start) / max(1, len(rows))
        given = pa.schema([f for piece in pieces[:1] for f in piece.schema if f.name != "data"])
        schema = travelling(given, LOADED, LOADED)
        return pa.Table.from_pylist([{**row, "load_seconds": seconds} for row in rows], schema=schema)

    def _load(self, row: dict[str, Any]) -> dict[str, Any]:
        data: bytes | None = row.get("data")
        try:
            if data is None:
                data = fetch(row["uri"], self.limits, size=row["bytes"])
        except ImageError as error:
            return {**row, "status": error.status, "error": str(error)}
        known = {**row, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        try:
            picture = decode(data, row["uri"], self.limits)
        except ImageError as error:
            return {**known, "status": error.status, "error": str(error)}
        height, width, _ = picture.pixels.shape
        return {
            **known,
            "status": Status.OK,
            "error": picture.remark,
            "format": picture.format,
            "width": width,
            "height": height,
            "pixels": picture.pixels.tobytes(),
        }
