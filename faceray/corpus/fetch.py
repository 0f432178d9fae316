"""The bytes of an image from anywhere, or the status that says why not."""

import re
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from faceray import s3
from faceray.corpus.address import member_of, offset_in
from faceray.corpus.decode import Limits
from faceray.corpus.ranges import RangeFile, read_range, size_of
from faceray.corpus.status import ImageError, Status
from faceray.corpus.tar import Member, members, read_member
from faceray.errors import UserError
from faceray.retry import FEW_TRIES, TRIES, causes, http_status, is_transient, patiently
from faceray.storage import StorageOptions, without_secrets

_FEW = ("http://", "https://", "file://")
HEADERS, VIDEO = 16 * 2**10, 2**20  # bytes of one request: its latency costs more than they do
Result = TypeVar("Result")


def fetch(
    uri: str, limits: Limits, storage: StorageOptions | None = None, size: int | None = None, version: str = ""
) -> bytes:
    """The content of an object: a local path, any URL of fsspec (file://, s3://, memory://, https://), or a member of
    a tar file (`…tar#member`).

    `size`, in bytes, and `version` are what a listing said: a size saves a request, the version of a member says where
    it is. At most limits.max_bytes + 1 bytes are read. Trouble that may pass (timeouts, resets, 5xx, SlowDown) is
    waited out: half a minute for buckets, a second for the web and for disks.

    Raises:
        ImageError: NOT_FOUND, FORBIDDEN, TOO_LARGE or FETCH_ERROR; of members also what `tar.members` raises. Its
            message is one line without credentials.
    """
    storage = storage or StorageOptions()
    if inside := member_of(uri):
        return _member(*inside, limits, storage, size, version)
    return _whole(uri, limits.max_bytes, storage, size)


def open_object(uri: str, storage: StorageOptions, block: int = HEADERS) -> RangeFile:
    """An object to read here and there.

    Raises:
        ImageError: NOT_FOUND, FORBIDDEN or FETCH_ERROR; also when it is read.
    """
    size = _guarded(partial(size_of, uri, storage), uri)
    if size is None:
        raise ImageError(Status.FETCH_ERROR, "its server does not tell how large it is")
    return RangeFile(lambda start, end: _guarded(partial(read_range, uri, start, end, storage), uri), size, block)


def _whole(uri: str, max_bytes: int, storage: StorageOptions, size: int | None) -> bytes:
    local = "://" not in uri or uri.startswith("file://")
    if local or (size is None and not s3.is_s3(uri)):  # a listing is not trusted to say that it is no pipe
        size = _guarded(partial(size_of, uri, storage), uri)
    if size == 0:
        return b""  # object stores refuse the range request of an empty object
    if size is not None and size > max_bytes:
        raise ImageError(Status.TOO_LARGE, f"{size} bytes, limit {max_bytes}")
    data = _guarded(partial(read_range, uri, 0, max_bytes + 1, storage), uri)
    if len(data) > max_bytes:
        raise ImageError(Status.TOO_LARGE, f"more bytes than the limit of {max_bytes}")
    return data


def _member(tar: str, name: str, limits: Limits, storage: StorageOptions, size: int | None, version: str) -> bytes:
    offset = offset_in(version)
    if offset is None or size is None:
        file = open_object(tar, storage)
        found = next((m for m in members(file.pread, file.size) if m.name == name), None)
        if found is None:
            raise ImageError(Status.NOT_FOUND, "no such member in the tar file")
    else:
        found = Member(name, offset, size)
    if found.size > limits.max_bytes:
        raise ImageError(Status.TOO_LARGE, f"{found.size} bytes, limit {limits.max_bytes}")

    def read(start: int, count: int) -> bytes:
        return _guarded(partial(read_range, tar, start, start + count, storage), tar)

    return read_member(read, found)


def _guarded(call: Callable[[], Result], uri: str) -> Result:
    """What a store answers, with patience; whatever it raises becomes an ImageError."""
    try:
        return patiently(call, FEW_TRIES if "://" not in uri or uri.startswith(_FEW) else TRIES)
    except ImageError:
        raise
    except Exception as error:  # every file system has its own
        raise ImageError(_status(error), _message(error)) from error


def _status(error: Exception) -> Status:
    code = next((code for cause in causes(error) if (code := http_status(cause)) is not None), None)
    if isinstance(error, PermissionError) or code in (401, 403):
        return Status.FORBIDDEN
    missing = code is None and isinstance(error, (FileNotFoundError, NotADirectoryError))
    if code in (404, 410) or (missing and not is_transient(error)):  # fsspec calls an unreachable web server not found
        return Status.NOT_FOUND
    return Status.FETCH_ERROR


def _message(error: Exception) -> str:
    """One line: the kind of error and its text, without secrets."""
    if isinstance(error, UserError):
        return without_secrets(str(error))[:300]
    text = s3.reason(error) if "Debug source:" in str(error) else str(error)
    return re.sub(r"\s+", " ", without_secrets(f"{type(error).__name__}: {text}"))[:300]
