"""Pictures of lists, folders and packs, a few at a time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceray.corpus.decode import Limits
from faceray.errors import UserError
from faceray.options import SUFFIXES
from faceray.predicting.reading import count_pictures, is_pack, list_pictures, read_aligned, read_pack, read_photos
from faceray.vision.align import Crop
from tests.faces import portrait
from tests.training.packs import make_pack

SMALL = Crop("similarity", 32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "faces" / "a b").mkdir(parents=True)
    Image.fromarray(portrait(32)).save(tmp_path / "faces" / "a b" / "one.png")
    Image.fromarray(portrait(90)).save(tmp_path / "faces" / "two.png")
    (tmp_path / "faces" / "notes.pdf").write_bytes(b"no picture")
    return tmp_path / "faces"


def test_a_list_keeps_its_order_and_names(folder: Path) -> None:
    (folder / "list.txt").write_text("two.png\n\n a b/one.png\r\ngone.png", encoding="utf-8-sig")
    expected = [f"{folder}/two.png", f"{folder}/a b/one.png", f"{folder}/gone.png"]
    assert [name for name, _ in list_pictures(f"{folder}/list.txt", f"{folder}/", SUFFIXES)] == expected
    assert next(name for name, _ in list_pictures(f"{folder}/list.txt", "", SUFFIXES)) == "two.png"
    assert count_pictures(f"{folder}/list.txt") == 3


def test_a_folder_gives_its_pictures(folder: Path) -> None:
    names = sorted(name for name, _ in list_pictures(f"{folder}/", "", SUFFIXES))
    assert names == [f"{folder}/a b/one.png", f"{folder}/two.png"]
    assert count_pictures(str(folder)) is None
    assert not is_pack(str(folder))


def test_an_aligned_picture_is_taken_whole(folder: Path) -> None:
    pictures = list(list_pictures(str(folder), "", SUFFIXES))
    rows = {row["image"]: row for row in read_aligned(pictures, (SMALL, Crop("triple_box", 40)), Limits(), 2)}
    one = rows[f"{folder}/a b/one.png"]["faces"][0]["crops"]
    np.testing.assert_array_equal(one[SMALL][0], portrait(32))  # of the right size already: not touched
    assert one[Crop("triple_box", 40)].shape == (3, 40, 40, 3)
    two = rows[f"{folder}/two.png"]["faces"][0]["crops"][SMALL][0]
    assert np.abs(two.astype(int) - portrait(32)).mean() < 6


def test_what_cannot_be_read_has_its_row(folder: Path) -> None:
    (folder / "two.png").write_bytes(b"broken")
    pictures = [(name, name) for name in (f"{folder}/gone.png", f"{folder}/two.png")]
    for rows in (read_aligned(pictures, (SMALL,), Limits(), 2), read_photos(pictures, Limits(), 2)):
        found = list(rows)
        assert [row["status"] for row in found] == ["not_found", "not_an_image"]
        assert all(row["faces"] == [] and "\n" not in row["error"] for row in found)


def test_only_a_few_are_read_ahead() -> None:
    asked = 0

    def endless() -> Iterator[tuple[str, str]]:
        nonlocal asked
        while True:
            asked += 1
            yield f"{asked}.png", f"/nowhere/{asked}.png"

    rows = read_photos(endless(), Limits(), threads=3)
    assert [next(rows)["image"] for _ in range(5)] == [f"{i}.png" for i in range(1, 6)]
    assert asked <= 5 + 6
    rows.close()  # type: ignore[attr-defined]


def test_a_pack(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack", count=16, crop=Crop("similarity", 40))
    assert is_pack(pack)
    assert (count_pictures(pack), count_pictures(pack, "test")) == (16, 2)
    rows = list(read_pack(pack, "test", (Crop("similarity", 40), SMALL), Limits(), 2))
    assert [row["image"] for row in rows] == ["7.jpg", "15.jpg"]
    assert {crop.size: face.shape for crop, face in rows[0]["faces"][0]["crops"].items()} == {
        40: (1, 40, 40, 3),
        32: (1, 32, 32, 3),
    }
    with pytest.raises(UserError, match="has 1 pictures of a face, the models look at 3"):
        next(read_pack(pack, "", (Crop("triple_box", 40),), Limits(), 2))


def test_lists_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00")
    for name in ("list.txt", "gone.txt"):
        with pytest.raises(UserError, match=f"cannot read .*{name}"):
            list(list_pictures(str(tmp_path / name), "", SUFFIXES))
