"""The stage that finds who is like whom: a shard of faces against all shards."""

import numpy as np
import pyarrow as pa

from faceray.clustering.faces import FaceShards
from faceray.clustering.neighbours import Cells, search

# Two faces that are alike. A row with twice the same id says that the face took part.
LINKS = pa.schema([("face_id", pa.int64()), ("neighbour_id", pa.int64()), ("similarity", pa.float32())])


class Link:
    """Rows of (shard) become rows of LINKS: its faces, and for each the most alike good faces of all shards.

    Args:
        faces: all of them.
        neighbours: of each face, at most.
        threshold: cosine similarity from which on two faces are alike.
        cells: None compares all with all.
    """

    def __init__(self, faces: FaceShards, neighbours: int, threshold: float, cells: Cells | None = None) -> None:
        self.faces, self.neighbours, self.threshold, self.cells = faces, neighbours, threshold, cells

    def __call__(self, batch: pa.Table) -> pa.Table:
        tables = [self._links(number) for number in batch["shard"].to_pylist()]
        return pa.concat_tables([LINKS.empty_table(), *tables])

    def _links(self, number: int) -> pa.Table:
        probes = self.faces.read(number)
        found = search(probes.vectors, self._gallery(number), self.neighbours + 1, self.cells)
        alike = (found.similarity >= self.threshold) & (found.ids != probes.ids[:, None])
        face, _ = np.nonzero(alike)
        columns = [
            np.concatenate([probes.ids, probes.ids[face]]),
            np.concatenate([probes.ids, found.ids[alike]]),
            np.concatenate([np.ones(len(probes.ids), np.float32), found.similarity[alike]]),
        ]
        return pa.table(columns, schema=LINKS)

    def _gallery(self, first: int):  # type: ignore[no-untyped-def]
        """The good faces of every shard, each task beginning with another one."""
        count = len(self.faces.shards)
        for number in range(first, first + count):
            shard = self.faces.read(number % count)
            yield shard.ids[shard.good], shard.vectors[shard.good]
