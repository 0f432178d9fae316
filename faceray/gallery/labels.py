"""What users say of faces in CSV files: who they are, and which must go."""

import posixpath
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from faceray.errors import UserError
from faceray.storage import StorageOptions, locate, without_secrets

FOLDER, MISSING = "folder", "missing"
LABELS = pa.schema([("face_id", pa.int64()), ("uri", pa.string()), ("identity", pa.string())])
_TYPES = {name: pa.string() for name in ("uri", "identity", "prefix")} | {
    "face_id": pa.int64(),
    "image_id": pa.int64(),
}


def read_labels(address: str, storage: StorageOptions | None = None) -> pa.Table:
    """Rows of LABELS, each with a face_id or a uri, from a CSV file with `identity` and one of the two.

    Raises:
        UserError: it cannot be read, lacks a column, or gives a face two names.
    """
    table = _read(address, storage)
    key = next((name for name in ("face_id", "uri") if name in table.column_names), None)
    if key is None or "identity" not in table.column_names:
        raise UserError(
            f"{address}: columns identity and face_id or uri are needed, not {', '.join(table.column_names)}"
        )
    pairs = table.select([key, "identity"]).filter(pc.fill_null(pc.not_equal(table["identity"], ""), False))
    pairs = pairs.group_by([key, "identity"]).aggregate([])
    twice = pairs.group_by(key).aggregate([([], "count_all")]).filter(pc.field("count_all") > 1)
    if twice.num_rows:
        raise UserError(f"{address}: {key} {twice[key][0]} has more than one identity")
    nulls = {name: pa.nulls(pairs.num_rows, _TYPES[name]) for name in ("face_id", "uri") if name != key}
    return pa.table(
        [pairs[name] if name in (key, "identity") else nulls[name] for name in LABELS.names], schema=LABELS
    )


@dataclass(frozen=True)
class Removal:
    """Faces that must go: those whose column `kind` has one of the `values`; for `missing` see the options."""

    kind: str
    values: pa.Array

    @property
    def sql(self) -> str:
        """Whether a row with columns of faceray.gallery.idmap.IDS must go; `removal` is a table of the values."""
        if self.kind == "prefix":
            return "EXISTS (SELECT 1 FROM removal WHERE starts_with(uri, removal.value))"
        return f"coalesce({self.kind} IN (SELECT value FROM removal), false)"


def read_removal(text: str, storage: StorageOptions | None = None) -> Removal:
    """From `--remove`.

    Raises:
        UserError: it is neither a condition nor a CSV file with a column of that kind.
    """
    kind, equals, value = text.partition("=")
    try:
        if equals and kind in _TYPES:
            values = pa.array([int(value) if _TYPES[kind] == pa.int64() else value], _TYPES[kind])
            return Removal(kind, values)
    except (ValueError, OverflowError) as error:
        raise UserError(f"--remove {text}: {value!r} is not a {kind}") from error
    if equals and kind.isidentifier():  # and not an address with such a sign in it
        raise UserError(f"--remove {text}: nothing is called {kind!r}, only {', '.join(_TYPES)}")
    if "." not in posixpath.basename(text):
        raise UserError(f"--remove {text}: neither a CSV file, {MISSING}, nor one of {'=…, '.join(_TYPES)}=…")
    table = _read(text, storage)
    kinds = [name for name in table.column_names if name in _TYPES]
    if len(kinds) != 1:
        raise UserError(
            f"{text}: exactly one column of {', '.join(_TYPES)} is needed, not {', '.join(table.column_names)}"
        )
    return Removal(kinds[0], table[kinds[0]].drop_null().unique())


def _read(address: str, storage: StorageOptions | None) -> pa.Table:
    """A CSV file; relative paths in a column `uri` are relative to it."""
    files, path = locate(address, storage)
    whole = pa.csv.ParseOptions(newlines_in_values=True)
    try:
        with files.open(path, "rb") as file:
            table = pa.csv.read_csv(
                file, parse_options=whole, convert_options=pa.csv.ConvertOptions(column_types=_TYPES)
            )
    except FileNotFoundError as error:
        raise UserError(f"there is no file {without_secrets(address)}") from error
    except Exception as error:  # every file system has its own
        raise UserError(f"cannot read {without_secrets(address)}: {without_secrets(str(error))}") from error
    if "uri" not in table.column_names:
        return table
    folder = posixpath.dirname(path)
    uris = [u if u is None or "://" in u else _absolute(files, folder, u) for u in table["uri"].to_pylist()]
    return table.set_column(table.column_names.index("uri"), "uri", pa.array(uris, pa.string()))


def _absolute(files: object, folder: str, name: str) -> str:
    path = posixpath.normpath(posixpath.join(folder, name))
    return str(files.unstrip_protocol(path))  # type: ignore[attr-defined]
