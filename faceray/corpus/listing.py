"""What is known of an image before it is read, as Arrow batches."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

LISTING = pa.schema([("image_id", pa.int64()), ("uri", pa.string()), ("version", pa.string()), ("bytes", pa.int64())])
ROWS = 10_000  # of one batch
T = TypeVar("T")


class Entry(NamedTuple):
    """An image, or a file with images in it.

    Attributes:
        version: changes when the content does; empty where nothing is known.
        size: bytes, where they are known.
    """

    uri: str
    version: str
    size: int | None


def image_ids(uris: Iterable[str]) -> np.ndarray:
    """int64 (n,): the first 8 bytes of each URI's BLAKE2b hash. The same image has the same id in every run."""
    return np.frombuffer(b"".join(hashlib.blake2b(u.encode(), digest_size=8).digest() for u in uris), "<i8")


def listing_batch(entries: list[Entry]) -> pa.RecordBatch:
    """Rows of LISTING."""
    uris = [entry.uri for entry in entries]
    columns = [
        pa.array(image_ids(uris)),
        pa.array(uris, pa.string()),
        pa.array([entry.version for entry in entries], pa.string()),
        pa.array([entry.size for entry in entries], pa.int64()),
    ]
    return pa.record_batch(columns, schema=LISTING)


def version_of(info: Mapping[str, Any]) -> str:
    """Of an fsspec file: its ETag, else size and time of change; empty where neither is known."""
    etag = info.get("ETag") or info.get("etag")
    if etag:
        return str(etag).strip('"')
    changed = info.get("mtime") or info.get("LastModified") or info.get("last_modified")
    return "" if changed is None else f"{info.get('size')}-{changed}"


def is_text(name: str) -> bool:
    """Names are bytes to Linux, and text to Arrow and Ray."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def chunks(items: Iterable[T], size: int = ROWS) -> Iterator[list[T]]:
    """Lists of at most `size` items."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
