"""All-Age-Faces: the serial number is the gender."""

import pytest

from faceray.datasets.all_age_faces import AllAgeFacesOptions, read_all_age_faces
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch, write


@pytest.fixture
def root(tmp_path):
    touch(tmp_path, *(f"original images/{name}.jpg" for name in ("00000A02", "07380A80", "07381A03", "13321A70")))
    touch(tmp_path, "original images/13322A70.jpg", "original images/extra.jpg", "aglined faces/00000A02.jpg")
    return tmp_path


def test_women_up_to_7380_men_after(root):
    samples, dropped = sort_out(read_all_age_faces(root))
    assert [(sample.identity, sample.age, sample.gender) for sample in samples] == [
        ("00000", 2, 0),
        ("07380", 80, 0),
        ("07381", 3, 1),
        ("13321", 70, 1),
    ]
    assert reasons(dropped) == {"name is not personAage": 2}
    assert {sample.race for sample in samples} == {None}  # "mostly Asian" is no label


def test_official_split_in_both_spellings(root):
    write(root, "image sets/train.txt", "00000A02.jpg 0\n07381A03.jpg 1\n")
    write(root, "image sets/val.txt", "07380A80 0\n")
    samples, _ = sort_out(read_all_age_faces(root))
    assert [sample.split for sample in samples] == ["train", "val", "train", None]


def test_aligned_faces(root):
    (sample,), _ = sort_out(read_all_age_faces(root, AllAgeFacesOptions(images="aligned")))
    assert sample.image == "aglined faces/00000A02.jpg"
    with pytest.raises(UserError, match="aligned faces"):
        list(read_all_age_faces(root / "original images", AllAgeFacesOptions(images="aligned")))
