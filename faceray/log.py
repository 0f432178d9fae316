"""Log lines: sentences for people, or with FACERAY_LOG=json one JSON object each for machines."""

import json
import os
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_bound: ContextVar[dict[str, Any] | None] = ContextVar("bound", default=None)


def bind(**fields: Any) -> None:
    """Put these fields, such as the run's id, into every JSON line from now on."""
    _bound.set({**(_bound.get() or {}), **fields})


def line(text: str, **fields: Any) -> str:
    """The text alone; or an object with the time (UTC), the text as `message`, what is bound, and these fields."""
    if os.environ.get("FACERAY_LOG") != "json":
        return text
    start = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "message": text}
    return json.dumps({**start, **(_bound.get() or {}), **fields}, ensure_ascii=False, default=str)
