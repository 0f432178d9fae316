"""Lists of images: text, CSV, Parquet, and the inventories that S3 makes of buckets."""

import csv
import io
import json
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote_plus

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from faceray.corpus.listing import ROWS, Entry, chunks, version_of
from faceray.errors import UserError
from faceray.storage import StorageOptions, locate

LISTS = (".txt", ".csv", ".parquet")
INVENTORY = "manifest.json"
_MOST_MANIFEST = 64 * 2**20  # bytes
_BLOCK = 8 * 2**20  # bytes of one request, of files that are read from end to end

# What a column may be called: in lower case, letters only
_NAMES = {
    "uri": ("uri",),
    "bucket": ("bucket",),
    "key": ("key",),
    "size": ("size", "bytes"),
    "etag": ("etag", "version"),
    "changed": ("lastmodifieddate", "lastmodified"),
    "latest": ("islatest",),
    "deleted": ("isdeletemarker",),
}


class ImageList:
    """A list, given by its address. Iterating gives its entries, in lists of at most ROWS, in order.

    Local files are asked for their size and version; of others both are what the list says, or unknown.

    Raises:
        UserError: it cannot be read, or has neither a column `uri` nor `bucket` and `key`.
    """

    def __init__(self, address: str, storage: StorageOptions) -> None:
        self.address, self.storage = address, storage
        self.files, self.path = locate(address, storage)
        self.parent = self.path.rpartition("/")[0]

    def __iter__(self) -> Iterator[list[Entry]]:
        try:
            if self.path.rpartition("/")[2] == INVENTORY:
                yield from self._inventory()
            else:
                for table in self._tables():
                    yield [self._asked(entry) for entry in self._entries(table)]
        except (pa.ArrowException, OSError, csv.Error, ValueError) as error:
            raise UserError(f"{self.address} cannot be read as a list: {error}") from error

    def _tables(self) -> Iterator[pa.RecordBatch]:
        with self.files.open(self.path, "rb", block_size=_BLOCK) as file:
            if self.path.lower().endswith(".parquet"):
                yield from _parquet(file)
            elif self.path.lower().endswith(".csv"):
                text = io.TextIOWrapper(file, "utf-8-sig")
                names = next(csv.reader(text), [])
                text.detach().seek(0)
                yield from _csv(file, names, skip=1)
            else:
                lines = io.TextIOWrapper(file, "utf-8-sig", errors="replace")
                yield from (pa.record_batch({"uri": chunk}) for chunk in chunks(lines))

    def _inventory(self) -> Iterator[list[Entry]]:
        """Files named in `manifest.json`, with the columns of its `fileSchema`."""
        if self.files.size(self.path) > _MOST_MANIFEST:
            raise UserError(f"{self.address}: more than {_MOST_MANIFEST} bytes")
        manifest = json.loads(self.files.cat_file(self.path))
        try:
            kind, keys = manifest["fileFormat"].upper(), [str(file["key"]) for file in manifest["files"]]
            names = [name.strip() for name in manifest["fileSchema"].split(",")]
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{self.address} is not the manifest of an S3 inventory: no {error}") from error
        if kind not in _READERS:
            raise UserError(f"{self.address}: inventories in {kind} are not read, only {', '.join(_READERS)}")
        for key in keys:
            path = posixpath.join(posixpath.dirname(self.parent), "data", posixpath.basename(key))
            with self.files.open(path, "rb", block_size=_BLOCK) as file:
                for table in _READERS[kind](file, names):
                    yield list(self._entries(table, encoded=kind == "CSV"))

    def _entries(self, table: pa.RecordBatch, encoded: bool = False) -> Iterator[Entry]:
        """Rows without an address, old versions and delete markers are passed over."""
        columns = _columns(table)
        if "uri" not in columns and not {"bucket", "key"} <= columns.keys():
            raise UserError(f"{self.address}: no column uri, only {', '.join(table.column_names)}")
        for row in zip(*columns.values(), strict=True):
            said = dict(zip(columns, row, strict=True))
            if _is(said.get("deleted"), "true") or _is(said.get("latest"), "false"):
                continue
            if "uri" in columns:
                if uri := (said["uri"] or "").strip():
                    yield _entry(self._absolute(uri), said)
            elif said["key"]:
                key = unquote_plus(said["key"]) if encoded else said["key"]
                yield _entry(f"s3://{said['bucket']}/{key}", said)

    def _absolute(self, uri: str) -> str:
        """Lists may name files relative to themselves."""
        if "://" in uri:
            return uri
        return str(self.files.unstrip_protocol(posixpath.normpath(posixpath.join(self.parent, uri))))

    def _asked(self, entry: Entry) -> Entry:
        """Of a local file. To ask an object store for each would take longer than to fetch."""
        if not entry.uri.startswith("file://"):
            return entry
        try:
            files, path = locate(entry.uri)
            info: dict[str, Any] = files.info(path)
        except (OSError, ValueError):  # it is not there; or it cannot be, with a zero byte in its name
            return Entry(entry.uri, "", None)
        return Entry(entry.uri, version_of(info), info.get("size"))


def _entry(uri: str, said: dict[str, str | None]) -> Entry:
    size = int(text) if (text := said.get("size") or "").isdecimal() and len(text) < 19 else None
    return Entry(uri, version_of({"etag": said.get("etag"), "size": size, "mtime": said.get("changed")}), size)


def _is(value: str | None, text: str) -> bool:
    return value is not None and value.lower() == text


def _columns(table: pa.RecordBatch) -> dict[str, list[str | None]]:
    """The columns that mean something here, as text."""
    letters = {re.sub("[^a-z]", "", name.lower()): name for name in reversed(table.column_names)}
    found = {ours: next((letters[n] for n in names if n in letters), None) for ours, names in _NAMES.items()}
    return {ours: table[name].cast(pa.string()).to_pylist() for ours, name in found.items() if name is not None}


def _csv(file: Any, names: list[str], skip: int = 0) -> Iterator[pa.RecordBatch]:
    wanted = [name for name in names if re.sub("[^a-z]", "", name.lower()) in sum(_NAMES.values(), ())]
    yield from pa.csv.open_csv(
        file,
        read_options=pa.csv.ReadOptions(column_names=names, skip_rows=skip),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            include_columns=wanted or names, column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )


def _zipped_csv(file: Any, names: list[str]) -> Iterator[pa.RecordBatch]:
    yield from _csv(pa.CompressedInputStream(pa.PythonFile(file), "gzip"), names)


def _parquet(file: Any, _: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
    yield from pa.parquet.ParquetFile(file).iter_batches(ROWS)


def _orc(file: Any, _: list[str]) -> Iterator[pa.RecordBatch]:
    from pyarrow.orc import ORCFile

    stripes = ORCFile(pa.PythonFile(file))
    for number in range(stripes.nstripes):
        stripe = stripes.read_stripe(number)
        yield from (stripe.slice(start, ROWS) for start in range(0, stripe.num_rows, ROWS))


_READERS: dict[str, Callable[[Any, list[str]], Iterator[pa.RecordBatch]]] = {
    "CSV": _zipped_csv,
    "PARQUET": _parquet,
    "ORC": _orc,
}
