"""One table: a Delta Lake log over Parquet files in a folder."""

import hashlib
import json
import time
from collections.abc import Collection, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from faceray.errors import UserError
from faceray.results.parts import write_part
from faceray.results.schema import SCHEMA_VERSION
from faceray.storage import Folder

_APP = "faceray"
_VERSION_KEY = "faceray.schema_version"
_RENEW_SECONDS = 300.0
Part = dict[str, Any]  # a file that a task has written: path, size, rows


class Table:
    """The images or the faces table. One writer at a time: a commit fails when somebody else has committed since.

    Raises:
        UserError: there is a table of another schema version, or something that is not a table.
    """

    def __init__(self, folder: Folder, schema: pa.Schema) -> None:
        self.folder, self.schema = folder, schema
        self.location = folder.path if folder.is_local else folder.uri
        self.delta: DeltaTable | None = None
        self._opened = time.monotonic()
        options = folder.storage.for_delta(folder.uri)
        try:
            if DeltaTable.is_deltatable(self.location, options):
                self.delta = DeltaTable(self.location, storage_options=options)
        except (DeltaError, OSError) as error:
            raise UserError(f"cannot read the table {folder.uri}: {error}") from error
        if self.delta is None and any(not name.startswith(("_", ".")) for name in folder.names()):
            raise UserError(f"{folder.uri} has files that are not a table's: choose another --output")
        if self.delta and self.delta.metadata().configuration.get(_VERSION_KEY) != str(SCHEMA_VERSION):
            raise UserError(f"{folder.uri} has another schema version than this faceray writes ({SCHEMA_VERSION})")

    @property
    def serial(self) -> int:
        """Number of the newest commit of a run; both tables have the same one but after a crash."""
        return (self.delta.transaction_version(_APP) or 0) if self.delta else 0

    def dataset(self) -> pa.dataset.Dataset:
        """All rows, lazily; none before the first run."""
        if self.delta is None:
            return pa.dataset.dataset(self.schema.empty_table())
        return self.delta.to_pyarrow_dataset()

    def create(self) -> None:
        """Make the table where there is none.

        Raises:
            UserError: it cannot be made, or another run has just made it.
        """
        if self.delta is None:
            try:
                if self.folder.is_local:
                    self.folder.files.makedirs(self.folder.path, exist_ok=True)
                self.delta = DeltaTable.create(
                    self.location,
                    self.schema,
                    name=self.folder.uri.rpartition("/")[2],
                    configuration={_VERSION_KEY: str(SCHEMA_VERSION)},
                    raise_if_key_not_exists=False,
                    storage_options=self.folder.storage.for_delta(self.folder.uri),
                )
            except (DeltaError, OSError) as error:
                raise UserError(f"cannot make the table {self.folder.uri}: {error}") from error

    def commit(self, serial: int, parts: Iterable[Part] = (), replaced: Collection[int] = ()) -> None:
        """Add files, and take the old rows of the replaced images away, in one atomic step.

        Raises:
            UserError: another run has written to the table.
        """
        assert self.delta is not None, "create() comes first"
        self._renew()
        actions = [*self._without(replaced), *(_add(part) for part in parts)]
        before = self.delta.version()
        properties = CommitProperties(app_transactions=[Transaction(_APP, serial)], max_commit_retries=0)
        try:
            self.delta.create_write_transaction(actions, "append", self.schema, commit_properties=properties)
            self.delta.update_incremental()
        except CommitFailedError as error:
            raise UserError(
                f"another run has written to {self.folder.uri} meanwhile; start again when it has ended"
            ) from error
        if self.delta.version() != before + 1:
            raise UserError(f"another run writes to {self.folder.uri} at the same time; start again when it has ended")

    def _renew(self) -> None:
        """The same version of the table with the credentials of now: those of roles expire."""
        options = self.folder.storage.for_delta(self.folder.uri)
        if self.delta and options and time.monotonic() - self._opened > _RENEW_SECONDS:
            self.delta = DeltaTable(self.location, version=self.delta.version(), storage_options=options)
            self._opened = time.monotonic()

    def _without(self, images: Collection[int]) -> list[AddAction | RemoveAction]:
        """Actions that replace every file with rows of these images by one without them."""
        if not images:
            return []
        gone = pc.field("image_id").isin(pa.array(sorted(images), pa.int64()))
        actions: list[AddAction | RemoveAction] = []
        for fragment in self.dataset().get_fragments():
            if not fragment.count_rows(filter=gone):
                continue
            path = str(fragment.path).rpartition("/")[2]
            actions.append(RemoveAction(path, True, int(time.time() * 1000)))
            kept = fragment.to_table(schema=self.schema, filter=~gone)
            if kept.num_rows:
                key = f"{path} without {sorted(images)}"
                name = f"part-{hashlib.sha256(key.encode()).hexdigest()[:32]}.parquet"
                actions.append(_add(write_part(self.folder, name, kept)))
        return actions

    def vacuum(self) -> int:
        """Delete parts that the newest version does not have: the folder's Parquet files become the table's rows.

        Delta Lake's own vacuum would delete whatever else somebody keeps in the folder, too.
        """
        assert self.delta is not None, "create() comes first"
        live = {uri.rpartition("/")[2] for uri in self.delta.file_uris()}
        parts = [n for n in self.folder.names() if n.startswith("part-") and n.endswith(".parquet")]
        stray = [f"{self.folder.path}/{name}" for name in parts if name not in live]
        if stray:
            self.folder.files.rm(stray)
        return len(stray)


def _add(part: Part) -> AddAction:
    # No bounds: deltalake's reader takes a column without them for one of nulls, and skips the file
    stats = json.dumps({"numRecords": part["rows"]})
    return AddAction(part["path"], part["size"], {}, int(time.time() * 1000), True, stats)
