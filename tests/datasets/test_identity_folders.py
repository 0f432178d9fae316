"""A folder for each person."""

from pathlib import Path

import pytest

from faceray.datasets.identity_folders import IdentityFolderOptions, read_identity_folders
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch


def test_the_first_folder_names_the_person(tmp_path: Path):
    touch(tmp_path, "b/2.png", "b/1.JPG", "a/day 1/1.jpg", "a/day 2/1.jpg", "a/notes.txt", "a/._1.jpg")
    samples, dropped = sort_out(read_identity_folders(tmp_path))
    assert not dropped
    assert [(s.image, s.identity) for s in samples] == [
        ("a/day 1/1.jpg", "a"),
        ("a/day 2/1.jpg", "a"),
        ("b/1.JPG", "b"),
        ("b/2.png", "b"),
    ]


def test_what_is_dropped(tmp_path: Path):
    touch(tmp_path, "a/1.jpg", "b/1.jpg", "b/2.jpg", "loose.jpg", "a.jpg")
    samples, dropped = sort_out(read_identity_folders(tmp_path, IdentityFolderOptions(min_images=2)))
    assert [s.identity for s in samples] == ["b", "b"]
    assert reasons(dropped) == {"the person has fewer than 2 images": 1, "not in a folder of a person": 2}


def test_no_folder(tmp_path: Path):
    with pytest.raises(UserError, match="is not a folder"):
        list(read_identity_folders(tmp_path / "absent"))
