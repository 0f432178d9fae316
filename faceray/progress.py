"""How far a run is: a bar on a terminal, a line every ten seconds in a log."""

import sys
import time
from typing import Any

from tqdm import tqdm

_LOG_SECONDS = 10.0
_LINE = "{desc} {n_fmt}/{total_fmt} images, {rate_noinv_fmt}, {elapsed} passed, {remaining} left{postfix}"


def say(text: str) -> None:
    """A line for people, out of the way of what programs read."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Images done of all, images per second, faces, errors, time left. Use as `with Progress(total) as progress:`."""

    def __init__(self, total: int | None, description: str = "annotate") -> None:
        self._bar: tqdm[Any] = tqdm(
            total=total,
            desc=description,
            unit=" images",
            dynamic_ncols=True,
            leave=total is not None,
            disable=not sys.stderr.isatty(),
        )
        self._total, self._description = total, description
        self._start = self._said = time.monotonic()
        self._first: tuple[float, int] | None = None  # time and images of the first news: starting up says nothing
        self._line = ""

    def show(self, images: int, **counts: int) -> None:
        """Tell the counts so far."""
        if not self._bar.disable:
            self._bar.set_postfix(counts, refresh=False)
            self._bar.update(images - self._bar.n)
            return
        now = time.monotonic()
        self._first = self._first or (now, images)
        rate = (images - self._first[1]) / (now - self._first[0]) if now > self._first[0] else None
        postfix = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        meter: dict[str, Any] = {"prefix": self._description, "unit": " images", "postfix": postfix}
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
