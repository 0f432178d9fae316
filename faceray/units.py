"""Amounts as people say them."""

import math

_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")


def in_units(amount: float) -> str:
    """Bytes: `461 kB`, `2.05 GB`."""
    power = min(len(_BYTES) - 1, max(0, int(math.log10(1.0006 * max(1, amount)) / 3)))  # 999,900 are 1 MB
    return f"{amount / 1000**power:.3g} {_BYTES[power]}"


def duration(seconds: float) -> str:
    """`3 min 07 s`, `2 h 10 min`."""
    if round(seconds) < 3600:
        return f"{round(seconds) // 60} min {round(seconds) % 60:02} s"
    return f"{round(seconds / 60) // 60} h {round(seconds / 60) % 60:02} min"
