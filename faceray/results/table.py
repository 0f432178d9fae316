"""One table: a Delta Lake log over Parquet files in a folder."""

import json
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from faceray.errors import UserError
from faceray.results.parts import write_part
from faceray.results.schema import SCHEMA_VERSION
from faceray.storage import PARTIAL, Folder

_APP = "faceray"
_VERSION_KEY = "faceray.schema_version"
_OLDER = {"1"}  # versions that become the present one by new columns that may be null
_RENEW_SECONDS = 300.0
Part = dict[str, Any]  # a file that a task has written: path, size, rows


@dataclass(frozen=True)
class Patch:
    """One column of some images' rows gets another value."""

    images: pa.Int64Array
    column: str
    value: object


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
        if self.delta and self._version not in {str(SCHEMA_VERSION), *_OLDER}:
            raise UserError(f"{folder.uri} has another schema version than this faceray writes ({SCHEMA_VERSION})")

    @property
    def _version(self) -> str | None:
        return self.delta.metadata().configuration.get(_VERSION_KEY) if self.delta else None

    @property
    def serial(self) -> int:
        """Number of the newest commit of a run; both tables have the same one but after a crash."""
        return (self.delta.transaction_version(_APP) or 0) if self.delta else 0

    def dataset(self) -> pa.dataset.Dataset:
        """All rows, lazily; none before the first run."""
        if self.delta is None:
            return pa.dataset.dataset(self.schema.empty_table())
        return self.delta.to_pyarrow_dataset(schema=self.schema)

    def create(self) -> None:
        """Make the table where there is none; give one of an older schema version the columns that it lacks.

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
        elif self._version in _OLDER:
            known = {field.name for field in self.delta.schema().fields}
            new = [name for name in self.schema.names if name not in known]
            fields = Schema.from_arrow(pa.schema([self.schema.field(name).remove_metadata() for name in new])).fields
            if fields:
                self.delta.alter.add_columns(fields)
            self.delta.alter.set_table_properties({_VERSION_KEY: str(SCHEMA_VERSION)}, raise_if_not_exists=False)

    def commit(
        self,
        serial: int,
        parts: Iterable[Part] = (),
        replaced: Collection[int] = (),
        patches: Sequence[Patch] = (),
    ) -> None:
        """Add files, take the old rows of the replaced images away, and change rows, in one atomic step. No image is
        both replaced and patched.

        Raises:
            UserError: another run has written to the table.
        """
        assert self.delta is not None, "create() comes first"
        self._renew()
        actions = [*self._without(replaced), *self._patched(patches), *(_add(part) for part in parts)]
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
        gone = pa.array(sorted(images), pa.int64())
        return self._rewritten(gone, lambda rows: rows.filter(pc.invert(pc.is_in(rows["image_id"], gone))))

    def _patched(self, patches: Sequence[Patch]) -> list[AddAction | RemoveAction]:
        """Actions that replace every file with rows of these images by one with the new values."""

        def change(rows: pa.Table) -> pa.Table:
            for patch in patches:
                place = self.schema.get_field_index(patch.column)
                value = pa.scalar(patch.value, self.schema.field(place).type)
                chosen = pc.is_in(rows["image_id"], patch.images)
                changed = pc.if_else(chosen, value, rows.column(place))
                rows = rows.set_column(place, self.schema.field(place), changed)
            return rows

        return self._rewritten(pa.concat_arrays([patch.images for patch in patches]), change) if patches else []

    def _rewritten(
        self, images: pa.Int64Array, change: Callable[[pa.Table], pa.Table]
    ) -> list[AddAction | RemoveAction]:
        """Actions that replace every file with rows of these images by what `change` makes of it."""
        concerned = pc.field("image_id").isin(images)
        actions: list[AddAction | RemoveAction] = []
        for fragment in self.dataset().get_fragments():
            if not fragment.count_rows(filter=concerned):
                continue
            path = str(fragment.path).rpartition("/")[2]
            actions.append(RemoveAction(path, True, int(time.time() * 1000)))
            rows = change(fragment.to_table(schema=self.schema))
            if rows.num_rows:
                name = f"part-{uuid4().hex}.parquet"
                actions.append(_add(write_part(self.folder, name, rows)))
        return actions

    def vacuum(self) -> int:
        """Delete parts that the newest version does not have: the folder's Parquet files become the table's rows.

        Delta Lake's own vacuum would delete whatever else somebody keeps in the folder, too.
        """
        assert self.delta is not None, "create() comes first"
        live = {uri.rpartition("/")[2] for uri in self.delta.file_uris()}
        parts = [n for n in self.folder.names() if n.startswith("part-") and n.endswith((".parquet", PARTIAL))]
        stray = [f"{self.folder.path}/{name}" for name in parts if name not in live]
        if stray:
            self.folder.files.rm(stray)
        return len(stray)


def _add(part: Part) -> AddAction:
    # No bounds: deltalake's reader takes a column without them for one of nulls, and skips the file
    stats = json.dumps({"numRecords": part["rows"]})
    return AddAction(part["path"], part["size"], {}, int(time.time() * 1000), True, stats)
