"""Makes written parts visible: both tables, faces first, every few seconds."""

import time
from collections.abc import Sequence
from typing import Any

import duckdb

from faceray.results.schema import FACES, IMAGES
from faceray.results.table import Patch, Table
from faceray.storage import Folder

_REPLACING_SHARE = 0.05  # of the time may go into rewriting files that hold replaced images


class Committer:
    """The two tables of an output, written by one run at a time.

    `images` is the truth: an image's faces count when its row is there. Faces are committed first, so a crash between
    the two commits leaves faces without their image, and images without the faces that these replaced; `claim` takes
    both away when the next run starts.
    """

    def __init__(self, output: Folder, seconds: float) -> None:
        self.images = Table(output / "images", IMAGES)
        self.faces = Table(output / "faces", FACES)
        self.seconds = seconds
        self._pending: list[dict[str, Any]] = []
        self._last = time.monotonic()
        self._replacing_cost = 0.0

    @property
    def torn(self) -> bool:
        """Whether a crash came between the commits of the two tables; `claim` mends it."""
        return self.faces.serial > self.images.serial

    def claim(self) -> None:
        """Become the writer: an earlier run that is still going fails at its next commit. Clear what crashes left."""
        for table in (self.faces, self.images):
            table.create()
        orphans, bereft = self._orphans() if self.torn else ([], [])
        self._commit_both(replaced_faces=orphans, replaced_images=bereft)
        for table in (self.faces, self.images):
            table.vacuum()

    def mark(self, patches: Sequence[Patch]) -> None:
        """Change rows of the images table in one commit; their faces stay as they are."""
        serial = max(self.faces.serial, self.images.serial) + 1
        self.faces.commit(serial)
        self.images.commit(serial, patches=patches)

    def add(self, report: dict[str, Any]) -> bool:
        """Take note of one written batch (a row of REPORT); commit when it is time, and say whether it was."""
        self._pending.append(report)
        waited = time.monotonic() - self._last
        replaces = any(r["replaced"] for r in self._pending)
        due = waited >= max(self.seconds, self._replacing_cost / _REPLACING_SHARE if replaces else 0)
        if due:
            self.flush()
        return due

    def flush(self) -> None:
        """Commit all that has been added."""
        if not self._pending:
            return
        start = time.monotonic()
        replaced = [i for r in self._pending for i in r["replaced"]]
        self._commit_both(
            [r["faces"] for r in self._pending if r["faces"]], [r["images"] for r in self._pending], replaced, replaced
        )
        self._pending.clear()
        self._last = time.monotonic()
        if replaced:
            self._replacing_cost = self._last - start

    def close(self) -> None:
        """The last commit; superseded files are deleted."""
        self.flush()
        for table in (self.faces, self.images):
            table.vacuum()

    def _commit_both(
        self,
        faces: list[dict[str, Any]] | None = None,
        images: list[dict[str, Any]] | None = None,
        replaced_faces: list[int] | None = None,
        replaced_images: list[int] | None = None,
    ) -> None:
        serial = max(self.faces.serial, self.images.serial) + 1
        self.faces.commit(serial, faces or (), replaced_faces or ())
        self.images.commit(serial, images or (), replaced_images or ())

    def _orphans(self) -> tuple[list[int], list[int]]:
        """Images whose faces have no row of their run in `images`, and images whose faces such ones replaced."""
        with duckdb.connect() as db:
            db.register("faces", self.faces.dataset())
            db.register("images", self.images.dataset())
            db.execute("CREATE VIEW found AS SELECT image_id, run_id, count(*) AS n FROM faces GROUP BY ALL")
            queries = (
                "SELECT image_id FROM found ANTI JOIN images USING (image_id, run_id)",
                "SELECT image_id FROM images LEFT JOIN found USING (image_id, run_id)"
                " WHERE face_count > coalesce(n, 0)",
            )
            orphans, bereft = ([row[0] for row in db.execute(query).fetchall()] for query in queries)
        return orphans, bereft
