"""Bytes of an object by range: through obstore from S3, through fsspec from anywhere else."""

import os
import stat
from collections import OrderedDict
from collections.abc import Callable

from fsspec.implementations.local import LocalFileSystem

from faceray import s3
from faceray.corpus.status import ImageError, Status
from faceray.retry import http_status
from faceray.storage import StorageOptions, locate

_BLOCKS = 8  # that a file keeps


def read_range(uri: str, start: int, end: int, storage: StorageOptions) -> bytes:
    """Bytes `start` to `end` of the object, fewer where it ends before; one request. Raises what its store raises."""
    if s3.is_s3(uri):
        bucket, key = s3.split(uri)
        if _canonical(key):
            return _read_s3(bucket, key, start, end, storage)
    files, path = locate(uri, storage)
    protocols = {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)
    if start == 0 and protocols & {"http", "https"}:  # a web server may ignore a range; a stream ends when we do
        with files.open(path, "rb") as file:
            return bytes(file.read(end))
    return bytes(files.cat_file(path, start=start, end=end))


def size_of(uri: str, storage: StorageOptions) -> int | None:
    """Bytes of the object, None where its store does not tell. Raises what the store raises.

    Raises:
        ImageError: FETCH_ERROR for a folder, a pipe or a device.
    """
    if s3.is_s3(uri):
        bucket, key = s3.split(uri)
        if _canonical(key):
            return s3.store(bucket, storage).head(key)["size"]
    files, path = locate(uri, storage)
    if isinstance(files, LocalFileSystem):  # to open a pipe would wait for ever
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            kind = "a directory" if stat.S_ISDIR(found.st_mode) else "a pipe or device"
            raise ImageError(Status.FETCH_ERROR, f"{kind}, not a file")
        return found.st_size
    info = files.info(path)
    if info.get("type") == "directory":
        raise ImageError(Status.FETCH_ERROR, "a directory, not a file")
    size = info.get("size")
    return None if size is None else int(size)


def _read_s3(bucket: str, key: str, start: int, end: int, storage: StorageOptions) -> bytes:
    try:
        return s3.store(bucket, storage).get_range(key, start=start, end=end).to_bytes()
    except Exception as error:
        if http_status(error) == 416:  # nothing there to read
            return b""
        raise


def _canonical(key: str) -> bool:
    """Whether obstore can name the key: it takes slashes away at the ends, and has no names for some others."""
    parts = key.split("/")
    return key.isprintable() and not any(part in ("", ".", "..") for part in parts)


class RangeFile:
    """An object as a file that is read here and there: in aligned blocks, of which the last few are kept.

    Args:
        read: gives the bytes from one offset to another.
        size: bytes of the object.
        block: bytes of one request.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: int, block: int) -> None:
        self.size, self._read, self._block, self._at = size, read, block, 0
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def pread(self, start: int, count: int) -> bytes:
        """`count` bytes at `start`, fewer at the end."""
        end = min(start + count, self.size)
        first, last = start // self._block, max(end - 1, start) // self._block
        whole = b"".join(self._get(number) for number in range(first, last + 1)) if start < end else b""
        return whole[start - first * self._block : end - first * self._block]

    def read(self, count: int = -1) -> bytes:
        """As of a binary file."""
        data = self.pread(self._at, self.size - self._at if count < 0 else count)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of a binary file."""
        self._at = max(0, offset + (0, self._at, self.size)[whence])
        return self._at

    def tell(self) -> int:
        """As of a binary file."""
        return self._at

    def _get(self, number: int) -> bytes:
        if number not in self._kept:
            start = number * self._block
            self._kept[number] = self._read(start, min(start + self._block, self.size))
            if len(self._kept) > _BLOCKS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return self._kept[number]
