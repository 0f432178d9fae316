"""The probes of a match: faces of the tables, with who they are, a batch at a time."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceray.errors import UserError
from faceray.gallery.card import Contract
from faceray.gallery.filters import Filter
from faceray.gallery.labels import FOLDER, read_labels
from faceray.gallery.plan import PIECE, Vectors, write_plan
from faceray.gallery.selection import Wanted, selecting
from faceray.gallery.tables import FaceTables
from faceray.storage import Folder, StorageOptions

Batch = tuple[pa.Table, NDArray[np.float32]]


@dataclass(frozen=True)
class Probes:
    """Faces to search for, as often as they are asked for.

    Attributes:
        count: of the faces, with those that turn out to have no embedding.
    """

    count: int
    vectors: Vectors
    plan: Folder

    def batches(self) -> Iterator[Batch]:
        """Rows of faceray.gallery.idmap.IDS and their embeddings, float32 (m, dimension), of unit length."""
        return self.vectors.planned(self.plan, 0)

    def sample(self, count: int) -> Batch:
        """Some of them, from all over the tables."""
        pieces = -(-self.count // PIECE)
        picked = np.unique(np.linspace(0, pieces - 1, 16, dtype=int))
        each, dice, parts = -(-count // len(picked)), np.random.default_rng(0), []
        for piece in picked:
            for rows, vectors in self.vectors.planned(self.plan, 0, int(piece)):
                some = np.sort(dice.permutation(len(vectors))[:each])
                parts.append((rows.take(pa.array(some)), vectors[some]))
        return pa.concat_tables([rows for rows, _ in parts]), np.concatenate([v for _, v in parts])


@contextmanager
def reading(
    outputs: Sequence[str], which: Filter, identities: str, network: Contract, storage: StorageOptions | None = None
) -> Iterator[Probes]:
    """Select the probes.

    Args:
        outputs: of annotate. identities: a CSV file, `folder` or nothing.
        network: that must have made their embeddings: the gallery's.

    Raises:
        UserError: there are none, or another network made them.
    """
    tables = FaceTables(outputs, storage)
    labels = identities if identities in ("", FOLDER) else read_labels(identities, storage)
    with (
        selecting(Wanted(tables, which, labels)) as selection,
        tempfile.TemporaryDirectory(prefix="faceray-") as folder,
    ):
        if not selection.added:
            raise UserError("no probe passes the filters")
        found = tables.contract(selection.runs, network.dimension)
        if found != network:
            difference = f"{found.name}, the gallery of {network.name}"
            same = "; their weights or settings differ" if found.name == network.name else ""
            raise UserError(
                f"the probes are of the embedding network {difference}{same}: annotate them with the gallery's"
            )
        _, count = selection.place(0)
        plan = Folder.at(folder)
        write_plan(selection.placed(), plan, [count])
        yield Probes(count, Vectors(tables.folders, (), network.dimension), plan)
