"""Pictures and groups of held-out faces, out of their packs again."""

import base64
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from faceray.results.schema import RACES
from faceray.training.held_out_faces import read_groups, read_pictures
from faceray.vision.align import Crop
from tests.training.packs import make_pack


def decoded(picture: str) -> NDArray[np.uint8]:
    return np.asarray(simplejpeg.decode_jpeg(base64.b64decode(picture.removeprefix("data:image/jpeg;base64,"))))


def test_pictures_are_those_of_their_rows_in_any_shard(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack", 8)  # even faces are dark, odd ones light; two shards of four
    found = read_pictures([(pack, 7), (pack, 0), (pack, 7), (pack, 4)], 32)
    assert sorted(found) == [(pack, 0), (pack, 4), (pack, 7)]
    pixels = {row: decoded(picture) for (_, row), (picture, note) in found.items() if not note}
    assert {row: picture.shape for row, picture in pixels.items()} == dict.fromkeys((0, 4, 7), (32, 32, 3))
    assert max(pixels[0].mean(), pixels[4].mean()) < 80 < 170 < pixels[7].mean()


def test_a_face_of_three_boxes_has_one_picture(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack", 8, Crop("triple_box", 32))
    ((picture, note),) = read_pictures([(pack, 1)], 48).values()
    assert note == ""
    assert decoded(picture).shape == (48, 48, 3)


def test_a_pack_that_is_gone_leaves_notes(tmp_path: Path) -> None:
    pack, gone = make_pack(tmp_path / "pack", 8), str(tmp_path / "gone")
    found = read_pictures([(gone, 0), (pack, 0), (pack, 999)], 32)
    assert found[pack, 0][1] == ""
    assert found[gone, 0][0] == found[pack, 999][0] == ""
    assert found[gone, 0][1].startswith("not readable: UserError")
    assert read_groups([(gone, 0), (pack, 0)])["gender"] == [None, "female"]


def test_groups_are_the_labels_of_the_packs(tmp_path: Path) -> None:
    full = make_pack(tmp_path / "full", 8)
    ages = make_pack(tmp_path / "ages", 8, age=float)
    found = read_groups([(full, 1), (ages, 1), (full, 2)])
    assert found == {
        "gender": ["male", None, "female"],
        "race": [RACES[1], None, RACES[0]],
        "race and gender": [f"{RACES[1]} male", None, f"{RACES[0]} female"],
    }
