"""Parts: a batch becomes one file in each table's folder, and one row of figures."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from faceray.results.parts import REPORT, WriteParts, face_ids, write_part
from faceray.results.schema import FACES, IMAGES
from faceray.storage import Folder
from tests.results.batches import recognised, report

BATCH = recognised((30, 2), (10, 0), (20, "truncated"), (-5, 3))


@pytest.fixture
def output(tmp_path: Path) -> Folder:
    return Folder.at(str(tmp_path))


def read(output: Folder, table: str, name: str) -> pa.Table:
    return pa.parquet.read_table(f"{output.path}/{table}/{name}")


def test_one_file_in_each_table(output: Folder) -> None:
    told = report(output, "R", BATCH)
    images, faces = (read(output, table, told[table]["path"]) for table in ("images", "faces"))
    assert images.schema.equals(IMAGES)
    assert faces.schema.equals(FACES)
    assert images["image_id"].to_pylist() == [30, 10, 20, -5]
    assert images["face_count"].to_pylist() == [2, 0, 0, 3]
    assert images["status"].to_pylist() == ["ok", "ok", "truncated", "ok"]
    assert faces["image_id"].to_pylist() == [30, 30, -5, -5, -5]
    assert faces["uri"].to_pylist() == ["file:///30.jpg"] * 2 + ["file:///-5.jpg"] * 3
    assert faces["face_index"].to_pylist() == [0, 1, 0, 1, 2]
    assert faces["embedding"].to_pylist() == [[30, 0], [30, 1], [-5, 0], [-5, 1], [-5, 2]]
    for table in (images, faces):
        assert set(table["run_id"].to_pylist()) == {"R"}
    assert set(images["models"].to_pylist()) == {"m"}
    assert images["annotated_at"].null_count == 0


def test_only_what_may_be_null_is(output: Folder) -> None:
    told = report(output, "R", BATCH)
    for name, schema in (("images", IMAGES), ("faces", FACES)):
        table = read(output, name, told[name]["path"])
        for field in schema:
            assert field.nullable or table[field.name].null_count == 0, field.name
    broken = read(output, "images", told["images"]["path"]).slice(2, 1).to_pylist()[0]
    assert [broken[name] for name in ("sha256", "format", "width", "height")] == [None] * 4


def test_a_row_of_figures(output: Folder) -> None:
    table = WriteParts(output, "R", "m")(pa.concat_tables([BATCH, recognised((7, 1), (8, "empty"), replaces=True)]))
    assert table.schema == REPORT
    (told,) = table.to_pylist()
    for name in ("images", "faces"):
        assert told[name]["rows"] == 6
        assert told[name]["size"] == Path(output.path, name, told[name]["path"]).stat().st_size
    assert told["replaced"] == [7, 8]
    assert {s["status"]: s["count"] for s in told["statuses"]} == {"ok": 4, "truncated": 1, "empty": 1}
    assert told["load_seconds"] == pytest.approx(0.6)
    assert told["detect_seconds"] == pytest.approx(1.2)
    assert told["recognise_seconds"] == pytest.approx(1.8)
    assert told["write_seconds"] > 0


def test_without_faces_there_is_no_faces_file(output: Folder) -> None:
    told = report(output, "R", recognised((1, 0), (2, "empty")))
    assert told["faces"] is None
    assert (output / "faces").names() == []
    assert (output / "images").names() == [told["images"]["path"]]


def test_a_task_that_is_tried_again_writes_the_same_files(output: Folder) -> None:
    first, second = report(output, "R", BATCH), report(output, "R", BATCH)
    assert first["images"]["path"] == second["images"]["path"]
    assert len((output / "images").names()) == len((output / "faces").names()) == 1
    assert report(output, "R", BATCH.take([3, 1, 0, 2]))["images"]["path"] == first["images"]["path"]


def test_other_work_has_another_name(output: Folder) -> None:
    others = [
        report(output, "R", BATCH),
        report(output, "later run", BATCH),
        report(output, "R", BATCH, models="other"),
        report(output, "R", BATCH.slice(1)),
        report(output, "R", recognised((30, 2), version="2")),
        report(output, "R", recognised((30, 2), version="1")),
    ]
    assert len({told["images"]["path"] for told in others}) == len(others)


def test_slices_keep_faces_with_their_images() -> None:
    parts = WriteParts(Folder.at("memory://parts"), "R", "m")
    for start in range(4):
        _, faces = parts.split(BATCH.slice(start, 2))
        expected = [(30, 2), (10, 0), (20, 0), (-5, 3)][start : start + 2]
        assert faces["image_id"].to_pylist() == [i for i, n in expected for _ in range(n)]
        assert faces["embedding"].to_pylist() == [[i, index] for i, n in expected for index in range(n)]
    several_chunks = pa.concat_tables([BATCH.slice(0, 1), BATCH.slice(3, 1)])
    assert parts.split(several_chunks)[1]["image_id"].to_pylist() == [30, 30, -5, -5, -5]


def test_a_face_keeps_its_id() -> None:
    """Fixed by a known value: ids must not change between releases."""
    ids = face_ids(np.array([1, 1, -1]), np.array([0, 1, 0]))
    assert ids.dtype == np.int64
    assert len(set(ids.tolist())) == 3
    assert ids[0] == FIRST_FACE_OF_IMAGE_1
    assert face_ids(np.array([1]), np.array([0], np.int32))[0] == ids[0]
    assert face_ids(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []


# b2sum --length=64 of 01 and fifteen zero bytes, read as a little-endian signed integer
FIRST_FACE_OF_IMAGE_1 = -6479403525740890685


def test_parts_go_to_buckets_too() -> None:
    folder = Folder.at("memory://bucket/images")
    images, _ = WriteParts(Folder.at("memory://bucket"), "R", "m").split(BATCH)
    told = write_part(folder, "part-1.parquet", images)
    assert folder.names() == ["part-1.parquet"]
    assert pa.parquet.read_table(pa.BufferReader(folder.read("part-1.parquet"))).num_rows == told["rows"] == 4
