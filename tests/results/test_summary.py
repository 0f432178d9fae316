"""The numbers of the report, against tables that can be counted by hand."""

import math
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from faceray.results.schema import BINARY_ATTRIBUTES, EMOTIONS, FACES, IMAGES
from faceray.results.summary import Distribution, extreme_faces, failed_images, summarise_faces, summarise_images
from tests.results.sample_rows import faces_of, images_of


def distribution(faces: ds.Dataset, title: str) -> Distribution:
    return next(d for d in summarise_faces(faces).distributions if d.quantity.title == title)


def test_images_by_status_and_by_faces() -> None:
    oks = [{"face_count": n} for n in (0, 0, 1, 4, 9, 10, 49, 50, 700)]
    bad = [{"status": "empty", "error": "no bytes"}] * 2
    summary = summarise_images(images_of(*oks, {"face_count": 1, "error": "a PNG named .jpg"}, *bad))
    assert summary.statuses == {"ok": 10, "empty": 2}
    assert (summary.rows, summary.face_count, summary.remarks) == (12, 824, 1)
    assert list(summary.faces_per_image.values()) == [2, 2, 0, 0, 1, 1, 1, 1, 2]


def test_every_face_is_in_one_bin_the_outer_ones_open() -> None:
    found = distribution(faces_of(*({"age": a} for a in (-3.0, 0.0, 4.9, 5.1, 41.0, 99.0, 130.0))), "Age")
    assert dict(enumerate(found.counts)) == {i: {0: 3, 1: 1, 8: 1, 19: 2}.get(i, 0) for i in range(20)}
    assert found.percentiles[1] == pytest.approx(5.1)


def test_face_height_is_counted_in_octaves() -> None:
    found = distribution(faces_of(*({"y1": 0.0, "y2": h} for h in (3.0, 17.0, 100.0, 9000.0))), "Face height")
    edges = found.quantity.bins.edges
    where = [i for i, n in enumerate(found.counts) if n]
    assert [where[0], where[-1]] == [0, len(edges) - 2]
    assert all(edges[i] < h <= edges[i + 1] for i, h in zip(where[1:3], (17, 100), strict=True))


def test_nan_and_null_are_no_values() -> None:
    faces = faces_of({"yaw": math.nan}, {"yaw": 12.0}, {"age": None})
    assert sum(distribution(faces, "Yaw").counts) == 2
    assert sum(distribution(faces, "Age").counts) == 0


def test_labels_and_binary_attributes() -> None:
    genders = [{"gender": g} for g in ("male", "female", "male", None, "unheard of")]
    summary = summarise_faces(faces_of(*genders, {"smile": 0.5}, {"smile": 0.51}))
    gender, _, emotion = summary.labels
    assert (gender.known, gender.counts) == (4, {"female": 1, "male": 2, "other values": 1})
    assert (emotion.known, emotion.counts) == (0, dict.fromkeys(EMOTIONS, 0))
    assert {mix.name: (mix.known, *mix.counts.values()) for mix in summary.binary} == {
        name: (2, 1) if name == "smile" else (0, 0) for name in BINARY_ATTRIBUTES
    }


def test_empty_tables_are_all_zero() -> None:
    faces, images = (
        summarise_faces(ds.dataset(FACES.empty_table())),
        summarise_images(ds.dataset(IMAGES.empty_table())),
    )
    assert (faces.rows, images.rows, images.face_count) == (0, 0, 0)
    assert not any(sum(d.counts) for d in faces.distributions)
    assert not any(mix.known for mix in (*faces.labels, *faces.binary))


def test_extreme_faces_are_in_order_and_finite() -> None:
    faces = faces_of(*({"quality": q} for q in (0.25, math.nan, 0.75, 0.5, 0.75)))
    best, worst = (extreme_faces(faces, "quality", highest, 3) for highest in (True, False))
    assert [(f["uri"][-5:], f["quality"]) for f in best] == [("2.jpg", 0.75), ("4.jpg", 0.75), ("3.jpg", 0.5)]
    assert [f["quality"] for f in worst] == [0.25, 0.5, 0.75]
    assert len(best[0]["landmarks"]) == 10


def test_failed_images_come_from_all_statuses_in_turn() -> None:
    rows = [{"status": "truncated"}] * 50 + [{"status": "ok"}, {"status": "empty"}, {"status": "failed", "error": "x"}]
    failed = failed_images(images_of(*rows), 5)
    assert [f["status"] for f in failed] == ["empty", "failed", "truncated", "truncated", "truncated"]
    assert failed[1]["error"] == "x"


def test_parquet_files_count_like_memory(tmp_path: Path) -> None:
    faces = faces_of(*({"age": float(a), "smile": a / 100} for a in range(100)))
    ds.write_dataset(faces, tmp_path, format="parquet", max_rows_per_file=30, max_rows_per_group=10)
    on_disk = ds.dataset(tmp_path)
    assert len(on_disk.files) == 4
    assert distribution(on_disk, "Age") == distribution(faces, "Age")
    assert summarise_faces(on_disk).binary == summarise_faces(faces).binary
