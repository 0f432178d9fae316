"""The labels of a pack in memory, row by row in the order of its shards, and which part each row is in."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from faceray.datasets.pack import SHARDS, read_card
from faceray.errors import UserError
from faceray.storage import Folder
from faceray.vision.align import Crop

KEPT = ("sample_id", "image", "part", "subject")  # beside the objectives' columns
HELD_OUT = 0.1  # of the training people, where the pack has nobody to validate with


@dataclass(frozen=True)
class PackLabels:
    """A pack without its pictures.

    Attributes:
        name: of the data set. uri: of the pack.
        shards: names of its files, and the number of rows in each; row r of the pack is the r-th of all of them.
        crop: what its pictures show.
        labels: a column for each of KEPT and of what was asked for; keypoints relative to the picture, -0.5 to 0.5.
    """

    name: str
    uri: str
    shards: tuple[tuple[str, int], ...]
    crop: Crop
    labels: pa.Table

    @cached_property
    def parts(self) -> NDArray[np.str_]:
        """`train`, `val` or `test` of each row. Without a `val` part a tenth of the training people is held out."""
        parts = np.array(self.labels["part"].to_pylist(), dtype="<U5")
        if not (parts == "val").any():
            train = parts == "train"
            drawn = np.where(train, self.drawn("held out"), np.inf)
            lowest = drawn.min(initial=np.inf)  # somebody, even of few
            if (drawn[train] > lowest).any():
                parts[drawn <= max(HELD_OUT, lowest)] = "val"
        return parts

    def rows(self, part: str) -> NDArray[np.int64]:
        """Numbers of the rows of a part."""
        return np.flatnonzero(self.parts == part)

    def drawn(self, salt: str) -> NDArray[np.float64]:
        """A number from 0 to 1 for each row, the same for rows of one person."""
        people = zip(self.labels["subject"].to_pylist(), self.labels["sample_id"].to_pylist(), strict=True)
        digests = [hashlib.blake2b(f"{salt} {who or i}".encode(), digest_size=6).digest() for who, i in people]
        return np.array([int.from_bytes(digest, "big") for digest in digests], np.float64) / 2**48

    def in_folds(self, folds: int, fold: int) -> "PackLabels":
        """Cross-validation: fold `fold` of `folds` becomes the test part, all others the training part."""
        parts = np.where((self.drawn("fold") * folds).astype(int) == fold, "test", "train")
        table = self.labels.drop_columns("part").append_column("part", pa.array(parts))
        return PackLabels(self.name, self.uri, self.shards, self.crop, table)


def read_labels(pack: str, columns: Sequence[str]) -> PackLabels:
    """Read a pack's labels.

    Args:
        pack: path or address. columns: of faceray.datasets.pack.LABELS.

    Raises:
        UserError: no complete pack is there, or it lacks a column.
    """
    card, folder = read_card(pack), Folder.at(pack)
    names = [name for name in (folder / SHARDS).names() if name.endswith(".parquet")]
    wanted = list(dict.fromkeys([*KEPT, *columns]))
    tables = []
    for name in names:
        with folder.files.open(f"{folder.path}/{SHARDS}/{name}", "rb") as file:
            parquet = pa.parquet.ParquetFile(file)
            missing = set(wanted) - set(parquet.schema_arrow.names)
            if missing:
                raise UserError(f"{pack} has no column {', '.join(sorted(missing))}: prepare it again")
            tables.append(parquet.read(columns=wanted).select(wanted))
    if sum(table.num_rows for table in tables) != card["samples"]:
        raise UserError(f"{pack} is not complete: its shards do not have the {card['samples']} samples of its card")
    shards = tuple((name, table.num_rows) for name, table in zip(names, tables, strict=True))
    crop, labels = Crop(**card["crop"]), pa.concat_tables(tables)
    if "keypoints" in columns:
        labels = labels.set_column(
            labels.schema.get_field_index("keypoints"), "keypoints", _relative(labels["keypoints"], crop.size)
        )
    return PackLabels(card["dataset"], folder.uri, shards, crop, labels)


def _relative(keypoints: pa.ChunkedArray, size: int) -> pa.Array:
    """Keypoints in pixels of the pack's pictures as shares of their side from the centre: x, y, visibility of each."""
    rows = [None if row is None else np.array(row, np.float32).reshape(-1, 3) for row in keypoints.to_pylist()]
    scaled = [None if row is None else np.hstack([(row[:, :2] + 0.5) / size - 0.5, row[:, 2:]]) for row in rows]
    return pa.array([None if row is None else row.ravel() for row in scaled], pa.list_(pa.float32()))
