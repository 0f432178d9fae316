"""Rows as the first stage makes them, from pictures."""

from typing import Any

import pyarrow as pa

from faceray.corpus.loading import LOADED
from tests.faces import Pixels


def loaded(*pictures: Pixels | str) -> pa.Table:
    """A table of LOADED; a string stands for an image with that status and without pixels."""
    return pa.Table.from_pylist([_row(i, picture) for i, picture in enumerate(pictures)], schema=LOADED)


def _row(index: int, picture: Pixels | str) -> dict[str, Any]:
    row = {"image_id": index, "uri": f"file:///{index}.jpg", "version": "1", "replaces": False, "load_seconds": 0.5}
    if isinstance(picture, str):
        return {**row, "status": picture, "error": "why"}
    height, width, _ = picture.shape
    return {**row, "status": "ok", "format": "JPEG", "width": width, "height": height, "pixels": picture.tobytes()}
