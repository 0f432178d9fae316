"""FairFace: age groups, seven races."""

from collections import Counter
from math import inf

import pytest

from faceray.datasets.fairface import read_fairface
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, write

HEADER = "file,age,gender,race,service_test\n"


def test_labels_and_splits(tmp_path):
    write(tmp_path, "fairface_label_val.csv", HEADER + "val/1.jpg,more than 70,Female,Middle Eastern,True\n")
    write(tmp_path, "fairface_label_train.csv", HEADER + "train/1.jpg,0-2,Male,East Asian,False\n")
    (train, val), _ = sort_out(read_fairface(tmp_path))
    assert (train.image, train.split, train.gender, train.race) == ("train/1.jpg", "train", 1, "Asian")
    assert (val.image, val.split, val.gender, val.race) == ("val/1.jpg", "val", 0, "Other")
    assert (train.age, train.age_range, val.age_range) == (None, (0, 2), (70, inf))


def test_unknown_labels_are_dropped(tmp_path):
    rows = "a.jpg,20-29,Male,Martian,\nb.jpg,20,Male,White,\nc.jpg,20-29,male,White,\n"
    write(tmp_path, "fairface_label_train.csv", HEADER + rows)
    samples, dropped = sort_out(read_fairface(tmp_path))
    assert not samples
    assert reasons(dropped) == {"unknown label": 3}


def test_no_table(tmp_path):
    with pytest.raises(UserError, match=r"no fairface_label_train\.csv or fairface_label_val\.csv"):
        list(read_fairface(tmp_path))


def test_real_counts(data):
    samples, dropped = sort_out(read_fairface(data / "fairface"))
    assert (len(samples), dropped) == (3_500, [])
    assert sum(sample.gender for sample in samples) == 1_851
    races = {"White": 656, "Black": 519, "Indian": 465, "Asian": 470 + 467, "Other": 532 + 391}
    assert Counter(sample.race for sample in samples) == races
    assert sum(sample.age_range == (70, inf) for sample in samples) == 42
    assert all((data / "fairface" / sample.image).exists() for sample in samples)
