"""Pairs of photos for verification: same person, or not?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceray.errors import UserError


@dataclass(frozen=True)
class Pairs:
    """Pairs of photos, in folds of which no two share a person.

    first, second: (n,) file names, as LFW's folder has them: `Name/Name_0001.jpg`.
    same: (n,) bool, True where both show the same person.
    fold: (n,) int, 0, 1, …
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    same: NDArray[np.bool_]
    fold: NDArray[np.int64]


def read_pairs(path: Path) -> Pairs:
    """Read LFW's `pairs.txt`.

    Its first line has the number of folds and how many pairs of each kind a fold has; then for each fold come the
    pairs `name number number` of one person and the pairs `name number name number` of two, separated by tabs.

    Raises:
        UserError: no such file, or a line that is not of this form, with its number.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the pairs of {path}: {error}") from error
    rows = [line.split("\t") for line in lines]
    try:
        folds, count = (int(field) for field in rows[0])
    except (IndexError, ValueError):
        raise UserError(f"{path}, line 1: the numbers of folds and of pairs expected") from None
    same = np.tile(np.repeat([True, False], count), folds)
    if len(rows) != 1 + len(same):
        raise UserError(f"{path}: {len(same)} pairs announced, {len(rows) - 1} found")
    first, second = [], []
    for number, (row, one_person) in enumerate(zip(rows[1:], same, strict=True), start=2):
        if len(row) != (3 if one_person else 4):
            raise UserError(f"{path}, line {number}: not a pair of {'one person' if one_person else 'two people'}")
        try:
            first.append(_photo(row[0], row[1]))
            second.append(_photo(row[-2] if len(row) == 4 else row[0], row[-1]))
        except ValueError:
            raise UserError(f"{path}, line {number}: a photo's number expected") from None
    return Pairs(tuple(first), tuple(second), same, np.repeat(np.arange(folds), 2 * count))


def _photo(name: str, number: str) -> str:
    return f"{name}/{name}_{int(number):04d}.jpg"
