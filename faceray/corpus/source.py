"""What there is to label: a folder, one file, a glob or a list, as a stream of Arrow batches."""

import hashlib
import io
import os
import posixpath
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from faceray.errors import UserError
from faceray.storage import Folder, locate

LISTING = pa.schema([("image_id", pa.int64()), ("uri", pa.string()), ("version", pa.string()), ("bytes", pa.int64())])
_ROWS = 10_000  # of one batch
_LISTS = (".txt", ".csv", ".parquet")


def image_ids(uris: Iterable[str]) -> np.ndarray:
    """int64 (n,): the first 8 bytes of each URI's BLAKE2b hash. The same image has the same id in every run."""
    return np.frombuffer(b"".join(hashlib.blake2b(u.encode(), digest_size=8).digest() for u in uris), "<i8")


class Source:
    """The images behind `--input`.

    Iterating gives batches of LISTING; `ignored` then counts the files passed over because of their names.

    Raises:
        UserError: there is nothing at the address, or a list has no column `uri`.
    """

    def __init__(self, address: str, suffixes: str, exclude: Iterable[Folder] = ()) -> None:
        self.address = address
        self.files, self.path = locate(address)
        self.suffixes = (
            None if suffixes.strip() == "*" else {f".{s.strip().lstrip('.').lower()}" for s in suffixes.split(",")}
        )
        self.exclude = tuple(f"{folder.uri}/" for folder in exclude)
        self.ignored = 0
        self.is_glob = self._check()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        self.ignored = 0
        if self.path.lower().endswith(_LISTS) and self.files.isfile(self.path):
            yield from self._from_list()
        else:
            found = self._found()
            while chunk := list(islice(found, _ROWS)):
                uris = [str(self.files.unstrip_protocol(info["name"])) for info in chunk]
                yield _batch(uris, [_version(info) for info in chunk], [info.get("size") for info in chunk])

    def _check(self) -> bool:
        """Whether the address is a glob: plain names may have brackets, too."""
        try:
            if self.files.exists(self.path):
                return False
            if any(c in self.path for c in "*?[") and self.files.glob(self.path):
                return True
        except Exception as error:  # every file system has its own
            raise UserError(f"cannot read {self.address}: {error}") from error
        raise UserError(f"nothing at {self.address}")

    def _found(self) -> Iterator[dict[str, Any]]:
        for info in self._named():
            if _is_file(info) and _is_text(info["name"]):
                yield info
            else:
                self.ignored += 1

    def _named(self) -> Iterator[dict[str, Any]]:
        """What was named outright or by a glob, whatever its ending; in a folder, what is called like an image."""
        if self.is_glob:
            found = sorted(self.files.glob(self.path, detail=True).items())
            yield from (info for path, info in found if info["type"] != "directory" and not self._excluded(path))
        elif self.files.isfile(self.path):
            yield self.files.info(self.path)
        else:
            for folder, _, files in self.files.walk(self.path, detail=True):
                if self._excluded(folder):
                    continue
                hidden = "/." in folder.removeprefix(self.path)
                wanted = [info for name, info in sorted(files.items()) if not hidden and self._wanted(name)]
                self.ignored += len(files) - len(wanted)
                yield from wanted

    def _excluded(self, path: str) -> bool:
        return f"{self.files.unstrip_protocol(path)}/".startswith(self.exclude)

    def _wanted(self, name: str) -> bool:
        stem, dot, ending = name.rpartition(".")
        wanted = self.suffixes is None or not (dot and stem) or f".{ending.lower()}" in self.suffixes
        return wanted and not name.startswith(".")

    def _from_list(self) -> Iterator[pa.RecordBatch]:
        parent = self.path.rpartition("/")[0]
        for table in self._tables():
            if "uri" not in table.column_names:
                raise UserError(f"{self.address}: no column uri, only {', '.join(table.column_names)}")
            uris = [
                self._absolute(u.strip(), parent)
                for u in table["uri"].cast(pa.string()).to_pylist()
                if u and u.strip()
            ]
            infos = [_stat(u) for u in uris]
            yield _batch(uris, [_version(i) for i in infos], [i.get("size") for i in infos])

    def _tables(self) -> Iterator[pa.RecordBatch]:
        with self.files.open(self.path, "rb") as file:
            try:
                if self.path.lower().endswith(".parquet"):
                    yield from pa.parquet.ParquetFile(file).iter_batches(_ROWS)
                elif self.path.lower().endswith(".csv"):
                    whole = pa.csv.ParseOptions(newlines_in_values=True)
                    only_uri = pa.csv.ConvertOptions(include_columns=["uri"], column_types={"uri": pa.string()})
                    yield from pa.csv.open_csv(file, parse_options=whole, convert_options=only_uri)
                else:
                    lines = io.TextIOWrapper(file, "utf-8-sig", errors="replace")
                    while chunk := list(islice(lines, _ROWS)):
                        yield pa.record_batch({"uri": chunk})
            except (pa.ArrowException, OSError) as error:
                raise UserError(f"{self.address} cannot be read as a list: {error}") from error

    def _absolute(self, uri: str, parent: str) -> str:
        """Lists may name files relative to themselves."""
        if "://" in uri:
            return uri
        return str(self.files.unstrip_protocol(posixpath.normpath(posixpath.join(parent, uri))))


def _batch(uris: list[str], versions: list[str], sizes: list[int | None]) -> pa.RecordBatch:
    return pa.record_batch(
        [pa.array(image_ids(uris)), pa.array(uris, pa.string()), versions, pa.array(sizes, pa.int64())], schema=LISTING
    )


def _is_file(info: dict[str, Any]) -> bool:
    """A link to a folder is not followed: it may lead in a circle."""
    return info["type"] != "directory" and not (info.get("islink") and os.path.isdir(info["name"]))


def _is_text(name: str) -> bool:
    """Names are bytes to Linux, and text to Arrow and Ray."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stat(uri: str) -> dict[str, Any]:
    """Of a listed local file. Asking an object store for each would take longer than fetching."""
    if not uri.startswith("file://"):
        return {}
    files, path = locate(uri)
    try:
        info: dict[str, Any] = files.info(path)
    except (OSError, ValueError):  # it is not there; or it cannot be, with a zero byte in its name
        return {}
    return info


def _version(info: dict[str, Any]) -> str:
    """What changes when the content does: the ETag, else size and modification time; empty where neither is known."""
    etag = info.get("ETag") or info.get("etag")
    if etag:
        return str(etag).strip('"')
    changed = info.get("mtime") or info.get("LastModified") or info.get("last_modified")
    return "" if changed is None else f"{info.get('size')}-{changed}"
