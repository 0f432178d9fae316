"""Trying again: trouble that may pass is waited out, with growing, random waits."""

import errno
import random
import re
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TypeVar

TRIES = 7  # half a minute of waiting: a bucket is one server, and if it is down, so is the whole corpus
FEW_TRIES = 3  # the web is many servers, and some are down for ever
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
_OBSTORE_STATUS = re.compile(r"status code: (\d{3})")
Result = TypeVar("Result")


def patiently(call: Callable[[], Result], tries: int = TRIES) -> Result:
    """What `call` returns. While it raises errors that may pass, it is called again, at most `tries` times in all.

    The n-th wait is between half of and all of FIRST_WAIT * 2**(n - 1) seconds, by chance, so that many workers do
    not come back at once.
    """
    for wait in (FIRST_WAIT * 2**n for n in range(tries - 1)):
        try:
            return call()
        except Exception as error:
            if not is_transient(error):
                raise
        time.sleep(wait * random.uniform(0.5, 1))
    return call()


def is_transient(error: BaseException) -> bool:
    """Whether another try may succeed: judged by types, errno and HTTP status, along the chain of causes."""
    return any(_looks_transient(cause) for cause in causes(error))


def _looks_transient(error: BaseException) -> bool:
    if isinstance(error, TimeoutError) or any(_TRANSIENT_NAMES.search(kind.__name__) for kind in type(error).__mro__):
        return True
    if isinstance(error, OSError) and error.errno in _TRANSIENT_ERRNOS:
        return True
    code = http_status(error)
    if code is not None:
        return code in _TRANSIENT_CODES or 500 <= code < 600
    return _is_obstore(error) and "HTTP error" in str(error)  # no answer, or half of one


def http_status(error: BaseException) -> int | None:
    """The HTTP status in errors of aiohttp, Azure, Google (an attribute), botocore (a dict) and obstore (its text)."""
    if _is_obstore(error):
        found = _OBSTORE_STATUS.search(str(error))
        return int(found[1]) if found else None
    response = getattr(error, "response", None)
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    codes = (getattr(error, name, None) for name in ("status", "status_code", "code"))
    return next((code for code in chain([metadata.get("HTTPStatusCode")], codes) if isinstance(code, int)), None)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_obstore(error: BaseException) -> bool:
    return type(error).__module__.startswith("obstore")
