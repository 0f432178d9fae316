"""Files of a set: order, names, limits."""

from pathlib import Path

import pytest

from faceray.datasets.files import first_existing, images_below, new_file, read_lines, read_text, relative
from faceray.errors import UserError
from tests.datasets.layout import touch, write


def test_images_are_sorted_by_their_parts(tmp_path: Path):
    touch(tmp_path, "b.jpg", "a/z.PNG", "a-b/c.jpeg", "a/y.txt", ".hidden.jpg", "a/._z.png")
    (tmp_path / "folder.jpg").mkdir()
    assert [relative(path, tmp_path) for path in images_below(tmp_path)] == ["a/z.PNG", "a-b/c.jpeg", "b.jpg"]
    with pytest.raises(UserError, match="is not a folder"):
        images_below(tmp_path / "b.jpg")


def test_names_of_files_elsewhere_stay_whole():
    assert relative(Path("/data/x/a.jpg"), Path("/data")) == "x/a.jpg"
    assert relative(Path("/other/a.jpg"), Path("/data")) == "/other/a.jpg"


def test_the_first_that_exists(tmp_path: Path):
    touch(tmp_path, "b", "c")
    assert first_existing(tmp_path, "a", "b", "c") == tmp_path / "b"
    with pytest.raises(UserError, match="has no x or y"):
        first_existing(tmp_path, "x", "y")


def test_text(tmp_path: Path):
    write(tmp_path, "a.txt", "\ufeffone\r\ntwo\n")
    assert read_lines(tmp_path / "a.txt") == ["one", "two"]
    with pytest.raises(UserError, match="more than 5 bytes"):
        read_text(tmp_path / "a.txt", limit=5)
    with pytest.raises(UserError, match="cannot read"):
        read_text(tmp_path / "absent.txt")


def test_a_new_file_appears_when_it_is_whole(tmp_path: Path):
    with new_file(tmp_path / "deep" / "x") as part:
        part.write_text("half")
        assert not (tmp_path / "deep" / "x").exists()
    assert (tmp_path / "deep" / "x").read_text() == "half"
    assert len(list((tmp_path / "deep").iterdir())) == 1
    with pytest.raises(UserError, match="exists already"), new_file(tmp_path / "deep" / "x"):
        pass


def test_a_new_file_that_cannot_be_written(tmp_path: Path):
    touch(tmp_path, "file")
    with pytest.raises(UserError, match="cannot write"), new_file(tmp_path / "file" / "x"):
        pass
    with pytest.raises(ZeroDivisionError), new_file(tmp_path / "y") as part:
        part.write_text(str(1 / 0))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
