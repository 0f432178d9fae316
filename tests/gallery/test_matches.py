"""Rows of matches: ranks without the probe itself, and decisions where they can be made."""

import numpy as np
import pyarrow as pa
import pytest

from faceray.gallery.idmap import ENTRIES
from faceray.gallery.matches import MATCHES, Decision, match_rows
from faceray.gallery.probability import probabilities
from tests.gallery.crowds import calibrated


def faces(ids: list[int | None]) -> pa.Table:
    """Faces of these ids; nulls for None."""
    rows = [
        {"face_id": i, "image_id": i, "uri": f"file:///p/{i}.jpg", "identity": None if i % 2 else f"n{i}", "x1": i}
        if i is not None
        else {}
        for i in ids
    ]
    return pa.Table.from_pylist(rows, schema=ENTRIES)


SCORES = np.array([[0.9, 0.6, 0.3], [0.8, 0.5, -np.inf]], np.float32)
ROWS = np.array([[0, 1, 2], [2, 0, -1]])
ENTRY_IDS: list[int | None] = [10, 11, 12, 12, 10, None]


def test_a_face_is_never_its_own_candidate():
    table = match_rows(faces([10, 20]), SCORES, ROWS, faces(ENTRY_IDS), 2, Decision(0.55, None, 3, 0.5))
    assert table.schema == MATCHES
    found = table.select(["probe_face_id", "rank", "gallery_face_id", "score", "accepted"]).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (10, 1, 11, pytest.approx(0.6), True),
        (10, 2, 12, pytest.approx(0.3), False),
        (20, 1, 12, pytest.approx(0.8), True),
        (20, 2, 10, pytest.approx(0.5), False),
    ]
    assert table["identity"].to_pylist() == [None, "n12", "n12", "n10"]
    assert table["probe_identity"].to_pylist() == ["n10", "n10", "n20", "n20"]
    assert table["gallery_box"].to_pylist()[0][0] == 11


def test_no_more_candidates_than_asked_for():
    table = match_rows(faces([10, 20]), SCORES, ROWS, faces(ENTRY_IDS), 1, Decision(0.55, None, 3, 0.5))
    assert table["rank"].to_pylist() == [1, 1]
    assert table["gallery_face_id"].to_pylist() == [11, 12]


def test_without_a_threshold_nothing_is_decided():
    table = match_rows(faces([10, 20]), SCORES, ROWS, faces(ENTRY_IDS), 3, Decision(None, None, 3, 0.5))
    assert table["accepted"].null_count == table["probability"].null_count == table.num_rows == 4


def test_probabilities_are_the_calibrations():
    calibration = calibrated()
    table = match_rows(faces([10, 20]), SCORES, ROWS, faces(ENTRY_IDS), 3, Decision(0.6, calibration, 600, 0.2))
    scores = np.array([[0.6, 0.3], [0.8, 0.5]])  # of nobody and n12; of n12 and n10
    expected = probabilities(scores, np.array([[-1, 0], [0, 1]]), calibration, 600, 0.2)
    np.testing.assert_allclose(np.asarray(table["probability"]), expected.ravel(), atol=1e-6)


def test_nothing_found():
    nothing = match_rows(
        faces([10]),
        np.full((1, 2), -np.inf, np.float32),
        np.full((1, 2), -1),
        faces([None, None]),
        1,
        Decision(0.5, None, 0, 0.5),
    )
    assert nothing.schema == MATCHES
    assert nothing.num_rows == 0
