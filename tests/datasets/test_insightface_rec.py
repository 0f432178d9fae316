"""Training sets of InsightFace: images, then identities, with a header record."""

from pathlib import Path

import pytest

from faceray.datasets.insightface_rec import read_insightface_rec
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out
from tests.datasets.test_recordio import header, make


def official(folder: Path, labels: list[float], property: str = "3,112,112\n") -> Path:
    """Images 1 to n, then a record for each of three people with the range of their images, announced in record 0."""
    n = len(labels)
    images = {i: header(label, 0.0) + f"image {i}".encode() for i, label in enumerate(labels, start=1)}
    people = {n + 1 + i: header(1, 2) for i in range(3)}
    (folder / "property").write_text(property)
    return make(folder, {**images, **people, 0: header(n + 1, n + 4)})


def test_images_by_key_without_the_records_of_people(tmp_path: Path):
    official(tmp_path, [0, 0, 1, 2])
    samples, dropped = sort_out(read_insightface_rec(tmp_path))
    assert not dropped
    assert [(s.image, s.identity, s.data) for s in samples] == [
        ("train.rec#1", "0", b"image 1"),
        ("train.rec#2", "0", b"image 2"),
        ("train.rec#3", "1", b"image 3"),
        ("train.rec#4", "2", b"image 4"),
    ]
    assert list(read_insightface_rec(tmp_path / "train.rec")) == samples


def test_without_header_record_all_are_images(tmp_path: Path):
    make(tmp_path, {0: header(5.0, scalar=True) + b"zero", 1: header(6.0, scalar=True) + b"one"})
    samples, _ = sort_out(read_insightface_rec(tmp_path))
    assert [(s.identity, s.data) for s in samples] == [("5", b"zero"), ("6", b"one")]


def test_what_is_dropped(tmp_path: Path):
    make(
        tmp_path,
        {1: header(0, 0) + b"a", 2: header(0, 0), 3: header(3, 0) + b"b", 4: header(0.5, 0) + b"c"},
    )
    (tmp_path / "property").write_text("3,112,112")
    samples, dropped = sort_out(read_insightface_rec(tmp_path))
    assert [s.image for s in samples] == ["train.rec#1"]
    assert reasons(dropped) == {"no image in the record": 1, "the identity is not one of the announced": 2}


def test_an_index_shorter_than_announced(tmp_path: Path):
    official(tmp_path, [0, 1, 2])
    lines = (tmp_path / "train.idx").read_text().splitlines(keepends=True)
    (tmp_path / "train.idx").write_text("".join(lines[1:]))
    with pytest.raises(UserError, match="ends the images at 4, the index has 2"):
        list(read_insightface_rec(tmp_path))


@pytest.mark.parametrize("end", [1e30, float("nan"), -5.0])
def test_absurd_announcements(tmp_path: Path, end: float):
    make(tmp_path, {0: header(end, end), 1: header(0, 0) + b"a"})
    with pytest.raises(UserError, match="record 0 ends the images at"):
        list(read_insightface_rec(tmp_path))


def test_a_truncated_rec_gives_what_is_there_and_then_one_line(tmp_path: Path):
    path = make(tmp_path, {i: header(i, 0) + b"x" * 100 for i in (1, 2)})
    path.write_bytes(path.read_bytes()[:-50])
    entries = read_insightface_rec(tmp_path)
    assert next(entries).image == "train.rec#1"
    with pytest.raises(UserError, match="record 2: the file ends within it"):
        next(entries)


def test_a_damaged_property(tmp_path: Path):
    official(tmp_path, [0], property="many")
    with pytest.raises(UserError, match="does not start with the number of identities"):
        list(read_insightface_rec(tmp_path))
