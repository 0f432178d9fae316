"""Training sets of InsightFace (MS1M, CASIA, …): `train.rec`, `train.idx` and `property`."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceray.datasets.files import read_text
from faceray.datasets.recordio import RecordFile, whole_number
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError


def read_insightface_rec(root: Path) -> Iterator[Sample | Dropped]:
    """The images of `train.rec` in `root`, or of the `.rec` file that `root` is, by ascending key: `train.rec#1`, …

    Record 0 holds the first key that is no image, after which come the records of the identities; without it all
    records are images. `identity` is the number in the record, 0 to the number of classes in `property`, less one.

    Raises:
        UserError: a file is absent, damaged or shorter than its index says.
    """
    path = root / "train.rec" if root.is_dir() else root
    classes = _classes(path.with_name("property"))
    with closing(RecordFile(path)) as records:
        for key in _image_keys(records).tolist():
            record = records.read(key)
            identity = whole_number(float(record.labels[0]))
            image = f"{path.name}#{key}"
            if not record.content:
                yield Dropped(image, "no image in the record")
            elif identity is None or not 0 <= identity < classes:
                yield Dropped(image, "the identity is not one of the announced")
            else:
                yield Sample(image=image, data=record.content, identity=str(identity))


def _classes(path: Path) -> float:
    """The number of identities from `classes,height,width`; without bound where the file is absent."""
    if not path.exists():
        return float("inf")
    first = read_text(path, limit=1 << 10).split(",")[0].strip()
    if not first.isdecimal():
        raise UserError(f"{path} does not start with the number of identities")
    return float(first)


def _image_keys(records: RecordFile) -> NDArray[np.int64]:
    keys = records.keys
    if not len(keys) or keys[0] != 0:
        return keys
    header = records.read(0)
    if header.content or len(header.labels) < 2:
        return keys
    end = whole_number(float(header.labels[0]))
    images = keys[(keys > 0) & (keys < (end or 0))]
    if end is None or len(images) != end - 1:
        raise UserError(
            f"{records.path}: record 0 ends the images at {header.labels[0]:g}, the index has {len(images)}"
        )
    return images
