"""Verification sets of InsightFace: `lfw.bin`, `cfp_fp.bin`, `agedb_30.bin`, aligned images in pairs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceray.datasets import safe_pickle
from faceray.datasets.pairs import Pairs
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError

FOLDS = 10


def read_insightface_bin(root: Path) -> Iterator[Sample | Dropped]:
    """The images of a `.bin` file, or of all in a folder, sorted by name: `agedb_30.bin#0`, `#1`, …

    Images 2i and 2i + 1 are pair i. `pair_fold` is the fold, from 0, of ten of equal size in the order of the pairs,
    as all users of these files take them. Whose face it is, the files do not say.

    Raises:
        UserError: no such file, or one that is not a pickle of a list of images and a list of truth values.
    """
    for path in _files(root):
        images, same = _content(path)
        folds = _folds(len(same))
        for i, image in enumerate(images):
            name = f"{path.name}#{i}"
            yield Sample(image=name, data=image, pair_fold=int(folds[i // 2])) if image else Dropped(name, "no bytes")


def insightface_pairs(path: Path) -> Pairs:
    """The pairs of one `.bin` file, images named as `read_insightface_bin` names them.

    Raises:
        UserError: as `read_insightface_bin`.
    """
    _, same = _content(path)
    names = [f"{path.name}#{i}" for i in range(2 * len(same))]
    return Pairs(tuple(names[::2]), tuple(names[1::2]), np.array(same, np.bool_), _folds(len(same)))


def _files(root: Path) -> list[Path]:
    files = sorted(root.glob("*.bin")) if root.is_dir() else [root]
    if not files:
        raise UserError(f"{root} has no .bin file")
    return files


def _folds(pairs: int) -> NDArray[np.int64]:
    """Ten runs of pairs of equal length; where they do not come out even, the first ones have one more."""
    return np.repeat(np.arange(FOLDS), [len(part) for part in np.array_split(np.empty(pairs), FOLDS)])


def _content(path: Path) -> tuple[list[bytes], list[bool]]:
    match safe_pickle.load(path):
        case [list() as images, (list() | safe_pickle.Array()) as truth]:
            same = _truth(truth if isinstance(truth, list) else list(truth.data), path)
            if len(images) != 2 * len(same):
                raise UserError(f"{path} has {len(images)} images for {len(same)} pairs")
            return [_bytes(image, path) for image in images], same
        case _:
            raise UserError(f"{path} is not a list of images and a list of truth values")


def _truth(values: list[Any], path: Path) -> list[bool]:
    if not all(isinstance(value, int) and value in (0, 1) for value in values):
        raise UserError(f"{path} has more than True and False in its second list")
    return [bool(value) for value in values]


def _bytes(image: Any, path: Path) -> bytes:
    """An encoded image: a string of bytes, or the array of bytes that OpenCV's encoder gives."""
    if isinstance(image, safe_pickle.Array):
        return image.data
    if not isinstance(image, bytes | bytearray):
        raise UserError(f"{path} has a {type(image).__name__} among its images")
    return bytes(image)
