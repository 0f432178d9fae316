"""MegaAge-Asian: lists that go line by line."""

import pytest

from faceray.datasets.megaage_asian import read_megaage_asian
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, write


def make(root, train, test, folder="list"):
    for split, rows in (("train", train), ("test", test)):
        write(root, f"{folder}/{split}_name.txt", "".join(f"{name}\n" for name, _ in rows))
        write(root, f"{folder}/{split}_age.txt", "".join(f"{age}\n" for _, age in rows) + "\n")


def test_names_and_ages_line_by_line(tmp_path):
    make(tmp_path, [("1.jpg", 57), ("2.jpg", 28)], [("1.jpg", 3)], folder="megaage_asian/list")
    samples, dropped = sort_out(read_megaage_asian(tmp_path))
    assert [(sample.image, sample.age, sample.split) for sample in samples] == [
        ("megaage_asian/train/1.jpg", 57, "train"),
        ("megaage_asian/train/2.jpg", 28, "train"),
        ("megaage_asian/test/1.jpg", 3, "test"),
    ]
    assert {sample.race for sample in samples} == {"Asian"}
    assert not dropped


def test_an_empty_line_in_between_does_not_shift_the_ages(tmp_path):
    make(tmp_path, [("1.jpg", 57), ("2.jpg", ""), ("3.jpg", 30)], [])
    samples, dropped = sort_out(read_megaage_asian(tmp_path))
    assert [(sample.image, sample.age) for sample in samples] == [("train/1.jpg", 57), ("train/3.jpg", 30)]
    assert reasons(dropped) == {"age is not a number": 1}


def test_lists_of_different_length(tmp_path):
    make(tmp_path, [("1.jpg", 57)], [])
    write(tmp_path, "list/train_age.txt", "57\n58\n")
    with pytest.raises(UserError, match="1 names but 2 ages for train"):
        list(read_megaage_asian(tmp_path))
