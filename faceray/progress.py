"""How far a run is: a bar on a terminal, a line every ten seconds in a log."""

import sys
import time
from typing import Any

from tqdm import tqdm

from faceray.log import line

_LOG_SECONDS = 10.0
_LINE = "{desc} {n_fmt}/{total_fmt}{unit}, {rate_noinv_fmt}, {elapsed} passed, {remaining} left{postfix}"


def say(text: str) -> None:
    """A line for people, out of the way of what programs read."""
    print(line(text), file=sys.stderr, flush=True)


class Progress:
    """Images done of all, images per second, faces, errors, time left. Use as `with Progress(total) as progress:`.

    Args:
        unit: what is counted.
    """

    def __init__(self, total: int | None, description: str = "annotate", unit: str = "images") -> None:
        self._bar: tqdm[Any] = tqdm(
            total=total,
            desc=description,
            unit=f" {unit}",
            dynamic_ncols=True,
            leave=total is not None,
            disable=not sys.stderr.isatty(),
        )
        self._total, self._description, self._unit = total, description, f" {unit}"
        self._start = self._said = time.monotonic()
        self._first: tuple[float, int] | None = None  # time and images of the first news: starting up says nothing
        self._line = ""

    def show(self, images: int, total: int | None = None, **counts: float | str) -> None:
        """Tell the counts so far, and how many there are of all where that was not known at first."""
        if total is not None and total != self._total:
            self._total = self._bar.total = total
        if not self._bar.disable:
            self._bar.set_postfix(counts, refresh=False)
            self._bar.update(images - self._bar.n)
            return
        now = time.monotonic()
        self._first = self._first or (now, images)
        rate = (images - self._first[1]) / (now - self._first[0]) if now > self._first[0] else None
        postfix = ", ".join(f"{name} {_shown(count)}" for name, count in counts.items())
        meter: dict[str, Any] = {"prefix": self._description, "unit": self._unit, "postfix": postfix}
        self._line = tqdm.format_meter(images, self._total, now - self._start, rate=rate, bar_format=_LINE, **meter)  # type: ignore[arg-type]
        if now - self._said >= _LOG_SECONDS:
            self._say()

    def _say(self) -> None:
        if self._line:
            say(self._line)
        self._line, self._said = "", time.monotonic()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._say()
        self._bar.close()


def _shown(count: float | str) -> str:
    return f"{count:,}" if isinstance(count, int) else count if isinstance(count, str) else f"{count:.4g}"
