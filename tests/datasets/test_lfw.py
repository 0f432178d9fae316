"""LFW: a folder for each person, and the folds that its pairs give them."""

from collections import Counter
from pathlib import Path

import pytest

from faceray.datasets.lfw import lfw_pairs, read_lfw
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch, write

PAIRS = "2\t1\nAnn\t1\t2\nAnn\t1\tBob_Lee\t12\nCarl\t1\t2\nCarl\t1\tDora\t1\n"
PHOTOS = ("Ann/Ann_0001.jpg", "Ann/Ann_0002.jpg", "Bob_Lee/Bob_Lee_0012.jpg", "Carl/Carl_0001.jpg", "Eve/Eve_0001.jpg")


def test_the_real_photos(data: Path):
    samples, dropped = sort_out(read_lfw(data / "lfw"))
    assert not dropped
    assert len(samples) == 7701
    assert len({sample.identity for sample in samples}) == 4281
    by_fold = Counter(sample.pair_fold for sample in samples)
    assert [by_fold[fold] for fold in range(10)] == [807, 776, 737, 754, 737, 743, 813, 785, 764, 785]
    pairs = lfw_pairs(data / "lfw")
    assert len(pairs.first) == 6000
    assert int(pairs.same.sum()) == 3000
    assert {*pairs.first, *pairs.second} == {sample.image for sample in samples}


def test_people_and_their_folds(tmp_path: Path):
    touch(tmp_path, *PHOTOS)
    write(tmp_path, "pairs.txt", PAIRS)
    samples, dropped = sort_out(read_lfw(tmp_path))
    assert not dropped
    assert [(s.image, s.identity, s.pair_fold) for s in samples] == [
        ("Ann/Ann_0001.jpg", "Ann", 0),
        ("Ann/Ann_0002.jpg", "Ann", 0),
        ("Bob_Lee/Bob_Lee_0012.jpg", "Bob_Lee", 0),
        ("Carl/Carl_0001.jpg", "Carl", 1),
        ("Eve/Eve_0001.jpg", "Eve", None),
    ]


def test_the_folder_that_the_archive_unpacks_to(tmp_path: Path):
    touch(tmp_path / "lfw-deepfunneled", *PHOTOS)
    write(tmp_path, "pairs.txt", PAIRS)
    samples, _ = sort_out(read_lfw(tmp_path))
    pairs = lfw_pairs(tmp_path)
    assert samples[0].image == pairs.first[0] == "lfw-deepfunneled/Ann/Ann_0001.jpg"
    assert pairs.second[1] == "lfw-deepfunneled/Bob_Lee/Bob_Lee_0012.jpg"


def test_without_pairs(tmp_path: Path):
    touch(tmp_path, *PHOTOS)
    samples, _ = sort_out(read_lfw(tmp_path))
    assert {sample.pair_fold for sample in samples} == {None}
    with pytest.raises(UserError, match=r"has no pairs\.txt"):
        lfw_pairs(tmp_path)


def test_other_names_are_dropped(tmp_path: Path):
    touch(tmp_path, "Ann/Ann_0001.jpg", "Ann/Bob_0001.jpg", "Ann/face.jpg", "Ann/deep/Ann_0002.jpg", "Ann_0003.jpg")
    samples, dropped = sort_out(read_lfw(tmp_path))
    assert len(samples) == 1
    assert reasons(dropped) == {"not named Person/Person_number": 4}


def test_a_person_in_two_folds(tmp_path: Path):
    touch(tmp_path, *PHOTOS)
    write(tmp_path, "pairs.txt", PAIRS.replace("Dora", "Ann"))
    with pytest.raises(UserError, match="Ann in fold 1 and in fold 2"):
        list(read_lfw(tmp_path))
