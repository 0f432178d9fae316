"""300-W (Sagonas et al., 2013 and 2016): 68 landmarks on the faces of AFW, HELEN, LFPW, IBUG and 300-W itself."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceray.datasets.files import IMAGE_SUFFIXES, read_text, relative
from faceray.datasets.landmarks import named_68
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError

TEST = frozenset({"testset", "ibug", "01_indoor", "02_outdoor"})  # folders; all else is for training
SIZE_LIMIT = 1 << 16  # bytes of a .pts file
POINTS = re.compile(r"\s*version:\s*1\s+n_points:\s*(\d+)\s*\{([^{}]*)\}\s*")


def read_300w(root: Path) -> Iterator[Sample | Dropped]:
    """300-W: a `.pts` file beside each image, in any folders below `root`, sorted by path.

    Landmarks are named as in `MULTI_PIE_68`, with the faces table's five, and count pixels from 0 (the files count
    from 1). The split is the usual one: `testset/` of HELEN and LFPW, IBUG and 300-W itself are `test`.

    Raises:
        UserError: `root` is not a folder, or has no `.pts` file.
    """
    files = sorted(root.rglob("*.pts")) if root.is_dir() else []
    if not files:
        raise UserError(f"{root} has no .pts files")
    for path in files:
        image = next((p for s in sorted(IMAGE_SUFFIXES) if (p := path.with_suffix(s)).is_file()), None)
        name = relative(image or path, root)
        points = read_pts(path)
        if image is None:
            yield Dropped(name, "no image of this name")
        elif points is None or points.shape != (68, 2):
            yield Dropped(name, "not 68 points")
        else:
            parts = {part.lower() for part in path.relative_to(root).parts[:-1]}
            yield Sample(image=name, landmarks=named_68(points - 1), split="test" if parts & TEST else "train")


def read_pts(path: Path) -> NDArray[np.float64] | None:
    """The points of a `.pts` file, (n, 2), as they are written there; None if it is not of this form.

    Raises:
        UserError: the file cannot be read, or is larger than any number of points on a face needs.
    """
    match = POINTS.fullmatch(read_text(path, SIZE_LIMIT))
    if match is None:
        return None
    try:
        points = np.array([line.split() for line in match[2].strip().splitlines()], np.float64)
    except ValueError:
        return None
    whole = points.ndim == 2 and points.shape == (int(match[1]), 2) and np.isfinite(points).all()
    return points if whole else None
