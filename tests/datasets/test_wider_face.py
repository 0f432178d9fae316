"""WIDER FACE: photos with many faces, invalid ones, and photos with none."""

from pathlib import Path

import pytest

from faceray.datasets.wider_face import WiderFaceOptions, read_wider_face
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch, write

TRAIN = """0--Parade/0_Parade_marchingband_1_849.jpg
1
449 330 122 149 0 0 0 0 0 0 
0--Parade/0_Parade_Parade_0_452.jpg
0
0 0 0 0 0 0 0 0 0 0 
0--Parade/0_Parade_marchingband_1_799.jpg
3
78 221 7 8 2 0 0 0 0 0 
78 238 14 17 1 1 1 0 2 1 
113 212 11 15 2 0 0 1 0 0 
"""  # noqa: W291, lines end with a space
VAL = """1--Handshaking/1_Handshaking_Handshaking_1_762.jpg
2
5 6 0 9 0 0 0 0 1 0
5 6 20 9 0 0 0 0 1 0
"""


def make(root: Path, train: str = TRAIN, val: str = VAL) -> None:
    for split, text in (("train", train), ("val", val)):
        write(root, f"wider_face_split/wider_face_{split}_bbx_gt.txt", text)
        touch(root / f"WIDER_{split}/images", *(line for line in text.splitlines() if line.endswith(".jpg")))


def test_one_sample_for_each_face(tmp_path: Path):
    make(tmp_path)
    samples, dropped = sort_out(read_wider_face(tmp_path))
    first, empty, blurred, hard, last = samples
    assert first.image == first.subject == "WIDER_train/images/0--Parade/0_Parade_marchingband_1_849.jpg"
    assert (first.box, first.split, first.is_face) == ((449, 330, 571, 479), "train", True)
    assert not any(first.attributes.values())
    assert (empty.is_face, empty.box) == (False, None)
    assert {name for name, flag in blurred.attributes.items() if flag} == {"blur", "heavy_blur"}
    assert {name for name, flag in hard.attributes.items() if not flag} == {"heavy_blur"}
    assert (last.split, last.box) == ("val", (5, 6, 25, 15))
    assert {name for name, flag in last.attributes.items() if flag} == {"occluded"}
    assert reasons(dropped) == {"a face that the set calls invalid": 1, "a face of less than 1 pixels": 1}


def test_small_faces(tmp_path: Path):
    make(tmp_path)
    samples, dropped = sort_out(read_wider_face(tmp_path, WiderFaceOptions(min_size=10)))
    assert [s.box for s in samples if s.is_face] == [(449, 330, 571, 479), (78, 238, 92, 255)]
    assert reasons(dropped)["a face of less than 10 pixels"] == 3


def test_absent_photos_are_dropped_once(tmp_path: Path):
    make(tmp_path)
    (tmp_path / "WIDER_train/images/0--Parade/0_Parade_marchingband_1_799.jpg").unlink()
    _, dropped = sort_out(read_wider_face(tmp_path))
    assert reasons(dropped)["no such file"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg\n", "line 2: not 1 whole number$"),
        ("a.jpg\nmany\n", "line 2: not 1 whole number$"),
        ("a.jpg\n1000000000000\n1 2 3 4 0 0 0 0 0 0\n", "line 2: 1000000000000 faces announced"),
        ("a.jpg\n-1\n1 2 3 4 0 0 0 0 0 0\n", "line 2: -1 faces announced"),
        ("a.jpg\n2\n1 2 3 4 0 0 0 0 0 0\n", "line 2: 2 faces announced"),
        ("a.jpg\n1\n1 2 3 4\n", "line 3: not 10 whole numbers"),
        ("a.jpg\n0\nb.jpg\n1\n1 2 3 4 0 0 0 0 0 0\n", "line 3: not 10 whole numbers"),
        (f"a.jpg\n{'9' * 5000}\n", "line 2: not 1 whole number"),
    ],
)
def test_damage_is_named(tmp_path: Path, text: str, message: str):
    make(tmp_path, train=text)
    with pytest.raises(UserError, match=message):
        list(read_wider_face(tmp_path))


def test_an_absent_list(tmp_path: Path):
    with pytest.raises(UserError, match=r"cannot read .*wider_face_train_bbx_gt\.txt"):
        list(read_wider_face(tmp_path))
