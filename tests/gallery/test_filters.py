"""Conditions filter, and can do nothing else."""

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceray.errors import UserError
from faceray.gallery.filters import Filter
from tests.results.sample_rows import faces_of

FACES = faces_of(
    {"quality": 0.2, "score": 0.95, "age": 30.0, "run_id": "20261031T235959999Z", "uri": "file:///a/Ann.jpg"},
    {"quality": 0.8, "score": 0.95, "age": 50.0, "run_id": "20261101T000000000Z", "uri": "file:///b/bob.jpg"},
    {"quality": 0.8, "score": 0.70, "age": None, "run_id": "20261102T000000000Z", "face_index": 1},
).to_table()


def passing(chosen: Filter) -> list[int]:
    table = FACES.select(["face_id", *(c for c in chosen.columns if c != "face_id")])
    with duckdb.connect() as db:
        db.register("faces", table)
        return [row for (row,) in db.execute(f"SELECT face_id FROM faces WHERE {chosen.sql} ORDER BY 1").fetchall()]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Filter(), [0, 1, 2]),
        (Filter(min_quality=0.5), [1, 2]),
        (Filter(min_score=0.9), [0, 1]),
        (Filter(since="2026-11-01"), [1, 2]),
        (Filter(where="age > 40"), [1]),
        (Filter(where="age IS NULL OR age < 40"), [0, 2]),
        (Filter(where="FACE_INDEX = 0 AND abs(yaw) < 30"), [0, 1]),
        (Filter(where="uri LIKE '%Ann%' OR lower(uri) IN ('file:///b/bob.jpg')"), [0, 1]),
        (Filter(where="landmarks[1] BETWEEN 29 AND 31 AND NOT (x2 - x1) * (y2 - y1) < 4"), [0, 1, 2]),
        (Filter(where="CASE WHEN age::INTEGER = 30 THEN true ELSE false END"), [0]),
        (Filter(where="uri = 'it''s; DROP TABLE faces; --'"), []),
        (Filter(where="true -- and so on"), [0, 1, 2]),
        (Filter(0.5, 0.9, "2026-11-01", "age = 50"), [1]),
    ],
)
def test_what_passes(chosen: Filter, expected: list[int]) -> None:
    assert passing(chosen) == expected


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("age >", "syntax error"),
        ("true) OR (true", "more than a condition|syntax error"),
        ("true) UNION (SELECT 1", "syntax error|more than a condition"),
        ("true; DROP TABLE faces", "SELECT"),
        ("true; SELECT 1", "more than a condition"),
        ("true UNION SELECT 1", "more than a condition"),
        ("true ORDER BY age", "more than a condition"),
        ("true LIMIT 1", "more than a condition"),
        ("true GROUP BY age", "more than a condition"),
        ("true HAVING true", "more than a condition"),
        ("true QUALIFY true", "more than a condition"),
        ("true USING SAMPLE 1", "more than a condition"),
        ("age IN (SELECT 1)", "no subquery"),
        ("EXISTS (FROM read_text('/etc/passwd'))", "no subquery"),
        ("row_number() OVER () > 1", "no window"),
        ("age > ?", "no parameter"),
        ("COLUMNS(*) > 3", "no star"),
        ("len(list_filter(landmarks, x -> x > 0)) > 0", "list_filter|no lambda"),
        ("getenv('HOME') = 'x'", "getenv is not a function"),
        ("current_setting('memory_limit') = 'x'", "current_setting is not a function"),
        ("length(repeat('x', 1000000000)) > 1", "repeat is not a function"),
        ("sum(age) > 3", "sum is not a function"),
        ("nothing > 3", "no column nothing"),
        ("faces.age > 3", "no column faces.age"),
        ("uri > 3", "Cannot compare"),
        ("uri ~ '('", "missing"),
    ],
)
def test_what_is_more_than_a_condition_is_refused_in_one_line(where: str, complaint: str) -> None:
    with pytest.raises(UserError, match=f"--where .*({complaint})") as caught:
        Filter(where=where)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"min_quality": 1.1}, {"min_score": -0.1}, {"min_quality": float("nan")}, {"since": "yesterday"}]
)
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"--(min-quality|min-score|since)"):
        Filter(**wrong)  # type: ignore[arg-type]


@settings(max_examples=20)
@given(st.text(max_size=40))
def test_no_text_is_trouble(where: str) -> None:
    """It filters, or it is refused."""
    try:
        chosen = Filter(where=where)
    except UserError:
        return
    try:
        assert set(passing(chosen)) <= {0, 1, 2}
    except duckdb.Error:
        assert isinstance(FACES, pa.Table)  # such as a number that is too large: refused when the tables are read
