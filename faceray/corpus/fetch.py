"""The bytes of an image from any file system that fsspec knows, or the status that says why not."""

import errno
import os
import random
import re
import stat
import time
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from faceray.corpus.decode import Limits
from faceray.corpus.status import ImageError, Status
from faceray.storage import locate

TRIES = 3
FIRST_WAIT = 0.5  # seconds; doubles with each try

_TRANSIENT_CODES = {408, 425, 429}  # HTTP; besides all 5xx
_TRANSIENT_ERRNOS = {
    errno.EAGAIN,
    errno.EBUSY,  # what s3fs makes of SlowDown and ServiceUnavailable
    errno.EIO,
    getattr(errno, "EREMOTEIO", errno.EIO),  # what s3fs makes of InternalError
    errno.ENETDOWN,
    errno.ENETRESET,
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.ESTALE,
}
_TRANSIENT_NAMES = re.compile("Timeout|Connection|Disconnected|IncompleteRead")
_SECRET_NAMES = re.compile("key|secret|token|password|passwd|credential|signature|sas", re.IGNORECASE)


def fetch(
    uri: str, limits: Limits, storage_options: Mapping[str, Any] | None = None, size: int | None = None
) -> bytes:
    """The whole content of the object at `uri`: a local path or any URL of fsspec (file://, s3://, memory://, https://).

    `storage_options` go to the file system of the URL; local files take none. `size`, in bytes, is what a listing
    said: where it is given, no request is spent on asking again. At most limits.max_bytes + 1 bytes are read. Trouble
    that may pass (timeouts, resets, 5xx, SlowDown) is tried three times, with a growing, random wait.

    Raises ImageError with NOT_FOUND, FORBIDDEN, TOO_LARGE or FETCH_ERROR; its message is one line without credentials.
    """
    options, tries = dict(storage_options or {}), 0
    while True:
        tries += 1
        try:
            return _read(uri, limits.max_bytes, options, size)
        except ImageError:
            raise
        except Exception as error:  # every file system has its own
            if tries == TRIES or not is_transient(error):
                raise ImageError(_status(error), _message(error, options)) from error
        time.sleep(FIRST_WAIT * 2 ** (tries - 1) * random.uniform(0.5, 1))


def _read(uri: str, max_bytes: int, options: dict[str, Any], size: int | None) -> bytes:
    system, path = locate(uri, options)
    if isinstance(system, LocalFileSystem):
        size = _size_of_regular_file(path)  # never trusted to a listing: to open a pipe would wait for ever
    elif size is None:
        info = system.info(path)
        if info.get("type") == "directory":
            raise ImageError(Status.FETCH_ERROR, "a directory, not a file")
        size = info.get("size")
    if size == 0:
        return b""  # object stores refuse the range request of an empty object
    if size is not None and size > max_bytes:
        raise ImageError(Status.TOO_LARGE, f"{size} bytes, limit {max_bytes}")
    data = _read_at_most(system, path, max_bytes + 1)
    if len(data) > max_bytes:
        raise ImageError(Status.TOO_LARGE, f"more bytes than the limit of {max_bytes}")
    return data


def _size_of_regular_file(path: str) -> int:
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "a pipe or device"
        raise ImageError(Status.FETCH_ERROR, f"{kind}, not a file")
    return found.st_size


def _read_at_most(system: fsspec.AbstractFileSystem, path: str, count: int) -> bytes:
    protocols = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
    if protocols & {"http", "https"}:  # a web server may ignore a range; a stream is not read beyond what is asked
        with system.open(path, "rb") as file:
            return bytes(file.read(count))
    return bytes(system.cat_file(path, start=0, end=count))  # one request on an object store


def is_transient(error: BaseException) -> bool:
    """Whether another try may succeed: judged by types, errno and HTTP status, along the chain of causes."""
    return any(_looks_transient(cause) for cause in _causes(error))


def _looks_transient(error: BaseException) -> bool:
    if isinstance(error, TimeoutError) or any(_TRANSIENT_NAMES.search(kind.__name__) for kind in type(error).__mro__):
        return True
    if isinstance(error, OSError) and error.errno in _TRANSIENT_ERRNOS:
        return True
    code = _http_status(error)
    return code is not None and (code in _TRANSIENT_CODES or 500 <= code < 600)


def _http_status(error: BaseException) -> int | None:
    """The HTTP status in the errors of aiohttp, Azure's and Google's clients (an attribute) and botocore (a dict)."""
    response = getattr(error, "response", None)
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    codes = (getattr(error, name, None) for name in ("status", "status_code", "code"))
    return next((code for code in chain([metadata.get("HTTPStatusCode")], codes) if isinstance(code, int)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _status(error: Exception) -> Status:
    code = next((code for cause in _causes(error) if (code := _http_status(cause)) is not None), None)
    if isinstance(error, PermissionError) or code in (401, 403):
        return Status.FORBIDDEN
    missing = code is None and isinstance(error, (FileNotFoundError, NotADirectoryError))
    if code in (404, 410) or (missing and not is_transient(error)):  # fsspec calls an unreachable web server not found
        return Status.NOT_FOUND
    return Status.FETCH_ERROR


def _message(error: Exception, options: Mapping[str, Any]) -> str:
    """One line: the kind of error and its text, without user names, passwords, query strings and secret options."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    for secret in _secrets(options):
        text = text.replace(secret, "***")
    text = re.sub(r"://[^/\s'\"]*@", "://", text)
    text = re.sub(r"(://[^\s?'\"]*)\?[^\s'\"]*", r"\1", text)
    return text[:300]


def _secrets(options: Mapping[str, Any]) -> list[str]:
    """The values, at any depth, of options whose name sounds secret; the longest first."""
    found = []
    for name, value in options.items():
        if isinstance(value, Mapping):
            found += _secrets(value)
        elif isinstance(value, str) and value and _SECRET_NAMES.search(name):
            found.append(value)
    return sorted(found, key=len, reverse=True)
