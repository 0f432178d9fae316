"""The rows between the stages: their schemas, and failures that stay with the image that caused them."""

from typing import Any

import pyarrow as pa
import pytest

from faceray.corpus.loading import LOADED
from faceray.inference.rows import DETECTED, RECOGNISED, Row, each_or_failed, failed
from faceray.results.schema import FACES


def test_every_column_of_the_faces_table_has_its_source() -> None:
    keys = {"face_id", "image_id", "uri", "run_id"}
    detected = {field.name for field in DETECTED.field("faces").type.value_type}
    recognised = {field.name for field in RECOGNISED.field("faces").type.value_type}
    assert recognised | keys == set(FACES.names)
    assert not recognised & keys
    assert detected - {"crops"} == recognised


def test_pixels_stay_behind_and_the_rest_travels_on() -> None:
    for schema in (DETECTED, RECOGNISED):
        assert {f for f in LOADED if f.name != "pixels"} <= set(schema)
        assert "pixels" not in schema.names
    assert "crops" not in {field.name for field in RECOGNISED.field("faces").type.value_type}


def numbers(count: int) -> list[Row]:
    return [{"image_id": i, "status": "ok", "error": None, "faces": [{"score": 1.0}]} for i in range(count)]


class Work:
    """Fails on batches with a bad image; counts its calls."""

    def __init__(self, *bad: int) -> None:
        self.bad, self.calls = bad, 0

    def __call__(self, rows: list[Row]) -> list[Row]:
        self.calls += 1
        for row in rows:
            if row["image_id"] in self.bad:
                raise ZeroDivisionError(f"bad image {row['image_id']}\nsecond line")
        return [{**row, "done": True} for row in rows]


def test_work_is_done_at_once_where_nothing_fails() -> None:
    work = Work()
    assert all(row["done"] for row in each_or_failed(work, numbers(5)))
    assert work.calls == 1


@pytest.mark.parametrize("bad", [(0,), (4,), (1, 3), (0, 1, 2, 3, 4)])
def test_only_the_guilty_fail_and_the_order_stays(bad: tuple[int, ...]) -> None:
    rows = each_or_failed(Work(*bad), numbers(5))
    assert [row["image_id"] for row in rows] == [0, 1, 2, 3, 4]
    for row in rows:
        if row["image_id"] in bad:
            assert row["status"] == "failed"
            assert row["error"] == f"ZeroDivisionError: bad image {row['image_id']} second line"
            assert row["faces"] == []
        else:
            assert row["done"]
            assert row["status"] == "ok"


def test_one_image_and_none() -> None:
    work = Work(0)
    assert each_or_failed(work, numbers(1))[0]["status"] == "failed"
    assert work.calls == 1
    assert each_or_failed(Work(), []) == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_stopping_is_no_failure(stop: type[BaseException]) -> None:
    def work(_: list[Row]) -> list[Row]:
        raise stop

    with pytest.raises(stop):
        each_or_failed(work, numbers(2))


def test_reasons_are_short_lines() -> None:
    row: dict[str, Any] = failed({"image_id": 7, "width": 5}, RuntimeError("long " * 1000))
    assert len(row["error"]) == 500
    assert (row["image_id"], row["width"]) == (7, 5)
    pa.Table.from_pylist([row], schema=RECOGNISED)
