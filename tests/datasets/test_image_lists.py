"""Text lists in the two forms of face_analysis_pytorch."""

from pathlib import Path

import pytest

from faceray.datasets.image_lists import ImageListOptions, read_image_list
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch, write


def test_race_gender_and_age(tmp_path: Path):
    touch(tmp_path, "part1/a.jpg", "part1/b.jpg")
    write(tmp_path, "list.txt", "part1/a.jpg 3 0 23\npart1/b.jpg -1 1 -1\n")
    (first, second), dropped = sort_out(read_image_list(tmp_path))
    assert not dropped
    assert (first.image, first.race, first.gender, first.age) == ("part1/a.jpg", "Indian", 0, 23.0)
    assert (second.race, second.gender, second.age) == (None, 1, None)


@pytest.mark.parametrize(("number", "race"), list(enumerate(["White", "Black", "Asian", "Indian", "Other"])))
def test_races_by_number(tmp_path: Path, number: int, race: str):
    touch(tmp_path, "a.jpg")
    write(tmp_path, "list.txt", f"a.jpg {number} -1 -1")
    (sample,) = read_image_list(tmp_path)
    assert sample.race == race


def test_people(tmp_path: Path):
    touch(tmp_path, "x/a.jpg", "b c.jpg")
    write(tmp_path, "list.txt", "x/a.jpg 17\nb c.jpg 4\n")
    samples, _ = sort_out(read_image_list(tmp_path))
    assert [(s.image, s.identity) for s in samples] == [("x/a.jpg", "17"), ("b c.jpg", "4")]


def test_one_of_several_lists_and_its_form_by_option(tmp_path: Path):
    touch(tmp_path, "my own photo.jpg")
    write(tmp_path, "lists/a.txt", "my own photo.jpg 4\n")
    write(tmp_path, "b.txt", "")
    (sample,) = read_image_list(tmp_path, ImageListOptions(file="lists/a.txt", labels="person"))
    assert (sample.image, sample.identity) == ("my own photo.jpg", "4")


def test_lists_of_the_parts_are_read_together(tmp_path: Path):
    touch(tmp_path, "a.jpg", "b.jpg")
    write(tmp_path, "age_train.txt", "a.jpg -1 1 -1\n")
    write(tmp_path, "age_val.txt", "b.jpg -1 0 30\n")
    samples, _ = sort_out(read_image_list(tmp_path))
    assert [(s.image, s.split, s.gender) for s in samples] == [("a.jpg", "train", 1), ("b.jpg", "val", 0)]


def test_what_is_dropped(tmp_path: Path):
    touch(tmp_path, "a.jpg")
    rows = ["a.jpg -1 -1 -1", "a.jpg 5 0 30", "a.jpg 0 2 30", "a.jpg 0 0 -2", "b.jpg 0 0 30"]
    write(tmp_path, "list.txt", "\n".join(rows))
    samples, dropped = sort_out(read_image_list(tmp_path))
    assert not samples
    assert reasons(dropped) == {
        "nothing is known of it": 1,
        "race, gender or age out of range": 3,
        "no such file": 1,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg 0 0 30\na.jpg 3\n", "line 2: not `path race gender age`"),
        ("a.jpg 0 0 old\n", "line 1: race, gender and age are not numbers"),
        ("a.jpg 0 0 inf\n", "line 1: race, gender and age are not numbers"),
        ("a.jpg\n", "line 1: not `path person`"),
    ],
)
def test_damaged_lines_are_named(tmp_path: Path, text: str, message: str):
    touch(tmp_path, "a.jpg")
    write(tmp_path, "list.txt", text)
    with pytest.raises(UserError, match=message):
        list(read_image_list(tmp_path))


def test_which_list(tmp_path: Path):
    with pytest.raises(UserError, match="has 0 text files: say which is the list"):
        list(read_image_list(tmp_path))
    with pytest.raises(UserError, match="cannot read"):
        list(read_image_list(tmp_path, ImageListOptions(file="absent.txt")))
    write(tmp_path, "empty.txt", "")
    assert list(read_image_list(tmp_path)) == []
