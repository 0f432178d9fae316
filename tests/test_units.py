import pytest

from faceray.units import duration, in_units


@pytest.mark.parametrize(
    ("amount", "words"),
    [(0, "0 B"), (999, "999 B"), (460_800, "461 kB"), (999_900, "1 MB"), (2.048e9, "2.05 GB"), (3e18, "3e+03 PB")],
)
def test_bytes_in_units(amount: float, words: str) -> None:
    assert in_units(amount) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 min 00 s"),
        (59.6, "1 min 00 s"),
        (187, "3 min 07 s"),
        (3599.4, "59 min 59 s"),
        (3599.7, "1 h 00 min"),
        (7000, "1 h 57 min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
