"""Hashes of all photos, each made once: the stage that makes them, and the table that keeps them."""

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceray.clustering.perceptual_hash import VERSION, perceptual_hash
from faceray.clustering.tables import HASHES
from faceray.corpus.listing import LISTING
from faceray.corpus.plan import Plan, make_plan
from faceray.corpus.status import Status
from faceray.results.parts import write_part
from faceray.results.schema import IMAGES
from faceray.results.table import Table
from faceray.storage import Folder

# What the driver learns of a batch of photos: the file with their hashes, and which of them had one before.
HASHED = pa.schema(
    [
        ("path", pa.string()),
        ("size", pa.int64()),
        ("rows", pa.int64()),
        ("replaced", pa.list_(pa.int64())),
    ]
)
_COMMIT_SECONDS = 30.0


class HashPhotos:
    """Rows of LOADED become one row of HASHED, and a file that the table's log does not name yet.

    Files are named by the images in them, so a task that is tried again writes the same file.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def __call__(self, batch: pa.Table) -> pa.Table:
        rows = [_hashed(row) for row in batch.to_pylist()]
        key = "\n".join(sorted(f"{row['image_id']} {row['version']}" for row in rows))
        name = f"part-{hashlib.sha256(f'{VERSION} {key}'.encode()).hexdigest()[:32]}.parquet"
        part = write_part(self.folder, name, pa.Table.from_pylist(rows, schema=HASHES))
        replaced = batch.filter(batch["replaces"])["image_id"].to_pylist()
        return pa.Table.from_pylist([{**part, "replaced": replaced}], schema=HASHED)


def _hashed(row: dict[str, Any]) -> dict[str, Any]:
    known = {name: row[name] for name in HASHES.names if name in row}
    if row["status"] != Status.OK:
        return known | {"models": VERSION, "hash": None}
    pixels = np.frombuffer(row["pixels"], np.uint8).reshape(row["height"], row["width"], 3)
    return known | {"models": VERSION, "hash": perceptual_hash(pixels)}


class PhotoHashes:
    """The hashes of the photos that annotate has read.

    Args:
        labels: the output of annotate.
        output: where the table `hashes` is.

    Raises:
        UserError: one of the tables is not what it should be.
    """

    def __init__(self, labels: Folder, output: Folder) -> None:
        self.images, self.table = Table(labels / "images", IMAGES), Table(output / "hashes", HASHES)

    def plan(self, folder: Folder) -> Plan:
        """The photos without a hash of their present version, as pieces in `folder`."""
        readable = (pc.field("status") == str(Status.OK)) & pc.field("gone_at").is_null()
        listing = self.images.dataset().scanner(columns=LISTING.names, filter=readable).to_batches()
        batches = (batch.cast(LISTING) for batch in listing if batch.num_rows)
        return make_plan(batches, self.table.dataset() if self.table.delta else None, VERSION, None, folder)

    def add(self, reports: Iterable[dict[str, Any]], on_added: Callable[[int], None] = lambda _: None) -> None:
        """Put hashed photos into the table as they come, in the place of older rows; then take photos away that the
        images table no longer has. A crash loses half a minute of work.

        Args:
            reports: rows of HASHED.
            on_added: told how many photos have come so far.

        Raises:
            UserError: another run has written to the table.
        """
        self.table.create()
        pending: list[dict[str, Any]] = []
        photos, committed = 0, time.monotonic()
        for report in reports:
            pending.append(report)
            photos += report["rows"]
            on_added(photos)
            if time.monotonic() - committed > _COMMIT_SECONDS:
                self._commit(pending)
                pending, committed = [], time.monotonic()
        self._commit(pending)
        self.table.commit(self.table.serial + 1, replaced=self._gone())
        self.table.vacuum()

    def _commit(self, reports: list[dict[str, Any]]) -> None:
        self.table.commit(
            self.table.serial + 1, reports, [image for report in reports for image in report["replaced"]]
        )

    def _gone(self) -> list[int]:
        with duckdb.connect(config={"enable_external_access": "false"}) as db:
            db.register("hashes", self.table.dataset())
            db.register("images", self.images.dataset())
            gone = "SELECT image_id FROM hashes ANTI JOIN images USING (image_id)"
            return [row[0] for row in db.execute(gone).fetchall()]
