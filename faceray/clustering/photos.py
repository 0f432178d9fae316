"""Near-duplicate photos of a whole corpus: what is new is hashed, then all hashes are grouped."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from faceray.cluster_options import ClusterOptions
from faceray.clustering.hashing import HashPhotos, PhotoHashes
from faceray.clustering.near_duplicates import near_duplicates
from faceray.corpus.loading import Load
from faceray.corpus.plan import Plan
from faceray.neighbours_graph import Run
from faceray.progress import Progress
from faceray.storage import Folder

RESULT = "near_duplicates.parquet"
_PLAN = "hashes.plan"


@dataclass(frozen=True)
class Photos:
    """What there is to hash, planned but not begun."""

    options: ClusterOptions
    output: Folder
    hashes: PhotoHashes
    plan: Plan

    def find(self, run: Run) -> pa.Table:
        """Hash the new photos, and write and return the near-duplicates: rows of DUPLICATES.

        Raises:
            UserError: the output cannot be written.
        """
        options = self.options
        reached = options.input_storage or options.storage
        load = Load(self.output / _PLAN, options.limits, options.fetch_threads, reached)
        pieces = [(file, group) for file, groups in enumerate(self.plan.pieces) for group in range(groups)]
        rows = pa.table([list(column) for column in zip(*pieces, strict=True)] or [[], []], names=["file", "group"])
        with Progress(self.plan.planned, "hash photos") as progress:
            self.hashes.add(_reports(run([load, HashPhotos(self.hashes.table.folder)], rows)), progress.show)
        found = near_duplicates(self.hashes.table.dataset().to_table(), options.duplicate_bits)
        sink = io.BytesIO()
        pa.parquet.write_table(found, sink, compression="zstd")
        self.output.write(RESULT, sink.getvalue())
        return found


@contextmanager
def planned(options: ClusterOptions, output: Folder) -> Iterator[Photos | None]:
    """What is to be hashed; None where nobody has asked for near-duplicates. The plan's files go at the end."""
    if not options.near_duplicates:
        yield None
        return
    hashes = PhotoHashes(Folder.at(options.faces, options.storage), output)
    try:
        yield Photos(options, output, hashes, hashes.plan(output / _PLAN))
    finally:
        output.remove(_PLAN)


def _reports(tables: Iterator[pa.Table]) -> Iterator[dict[str, Any]]:
    for table in tables:
        yield from table.to_pylist()
