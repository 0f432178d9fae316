"""SFEW: emotions are folders, splits are official, films stay together."""

import pytest

from faceray.datasets.sfew import read_sfew
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch


def test_train_and_val_stay_apart(tmp_path):
    touch(tmp_path, "Train/Train_Aligned_Faces/Angry/Airheads_000519240_00000005.png")
    touch(tmp_path, "Val/Val_Aligned_Faces/Sad/About_A_Boy_001_2.png", "Val/Val_Aligned_Faces/Happy/Hangover_01_2.png")
    samples, dropped = sort_out(read_sfew(tmp_path))
    assert [(sample.split, sample.emotion, sample.subject) for sample in samples] == [
        ("train", "anger", "Airheads"),
        ("val", "happiness", "Hangover"),
        ("val", "sadness", "About_A_Boy"),
    ]
    assert not dropped


def test_test_images_have_no_label(tmp_path):
    touch(tmp_path, "Test/Test_Aligned_Faces/Airheads_01_2.png", "Train/Train_Aligned_Faces/Bored/Airheads_01_2.png")
    (sample,), dropped = sort_out(read_sfew(tmp_path))
    assert (sample.split, sample.emotion) == ("test", None)
    assert reasons(dropped) == {"folder is not an emotion": 1}


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match="Train_Aligned_Faces"):
        list(read_sfew(tmp_path))
