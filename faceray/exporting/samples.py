"""Faces to calibrate and to check with: real ones, or noise."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from faceray.corpus.decode import Limits
from faceray.errors import UserError
from faceray.exporting.portable import input_shape
from faceray.inference.rows import Row
from faceray.options import SUFFIXES
from faceray.predicting.reading import is_pack, list_pictures, read_aligned, read_pack
from faceray.vision.align import Crop

_THREADS = 2


def real_faces(address: str, crop: Crop, count: int, limits: Limits) -> NDArray[np.uint8]:
    """At most `count` faces of a pack, or of a folder or list of aligned pictures, from all over it.

    Returns:
        (n, [3,] size, size, 3), n at least 4.

    Raises:
        UserError: there are fewer than four.
    """
    faces = []
    for row in _rows(address, crop, count, limits):
        faces += [face["crops"][crop].reshape(input_shape(crop)) for face in row["faces"]]
        if len(faces) == count:
            break
    if len(faces) < 4:
        raise UserError(f"{address} has {len(faces)} pictures that can be read: four are the least")
    return np.stack(faces)


def noise(crop: Crop, count: int) -> NDArray[np.uint8]:
    """Pictures of random pixels around a random colour: (count, [3,] size, size, 3)."""
    random = np.random.default_rng(0)
    shape = input_shape(crop)
    colour = random.uniform(0, 255, (count, *(1,) * (len(shape) - 1), 3))
    return np.clip(random.normal(colour, 60, (count, *shape)), 0, 255).astype(np.uint8)


def _rows(address: str, crop: Crop, count: int, limits: Limits) -> Iterator[Row]:
    if is_pack(address):  # its samples are in no order
        return read_pack(address, "", (crop,), limits, _THREADS)
    pictures = list(list_pictures(address, "", SUFFIXES))
    return read_aligned(pictures[:: max(1, len(pictures) // count)], (crop,), limits, _THREADS)
