"""Comparing the tables of two runs."""

import numpy as np
import pandas as pd

from faceray.results.schema import ATTRIBUTES, LABELS

_PROBABILITIES = tuple(f"{name}_probabilities" for name in LABELS)
_DIGITS = 6 * np.finfo(np.float32).eps  # coordinates of a hundred pixels and more have no better


def tolerance(column: str) -> float:
    """How far a number may be from what another batch gave for the same face.

    The order of a network's sums changes with its batch, by how much depends on the CPU. Landmarks that it moves by a
    hundred thousandth of a pixel move pixels of the crop by 1 of 255, and so the answers: an age by up to 0.03, a
    probability by 0.0024, an embedding by 0.0003 (30 such crops of 6 faces, the networks of these tests).
    """
    answers = {"age": 0.05, "embedding": 0.0005}
    return answers.get(column, 0.003 if column in (*ATTRIBUTES, *_PROBABILITIES) else 0.0001)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same rows and columns, numbers within their tolerance.

    Raises:
        AssertionError: they are not.
    """
    assert list(found.columns) == list(expected.columns)
    for name in expected.columns:
        one, other = found[name], expected[name]
        if one.dtype.kind == "f" or _vectors(other):
            assert (one.isna() == other.isna()).all(), name
            mine, theirs = (np.array(rows.dropna().tolist(), float) for rows in (one, other))
            allowed = np.maximum(tolerance(name), _DIGITS * np.abs(theirs))
            off = np.abs(mine - theirs)
            assert (off <= allowed).all(), f"{name}: {off.max()} off"
        else:
            pd.testing.assert_series_equal(one, other, check_dtype=False)


def _vectors(rows: pd.Series) -> bool:
    return isinstance(next(iter(rows.dropna()), None), np.ndarray | list)
