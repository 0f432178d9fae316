"""ExpW: one line a face, with a box in an order of its own."""

import pytest

from faceray.datasets.expw import ExpwOptions, read_expw
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch, write

ORDER = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]


def make(root, *lines, folder="data/"):
    write(root, f"{folder}label/label.lst", "\n".join(lines) + "\n")
    touch(root, f"{folder}image/origin/a.jpg")


def test_top_left_right_bottom_becomes_x1_y1_x2_y2(tmp_path):
    make(tmp_path, "afraid_214.jpg 0 28 113 226 141 22.9362 6", "afraid_214.jpg 1 30 300 380 110 60.5 0")
    samples, _ = sort_out(read_expw(tmp_path))
    assert [(sample.image, sample.box) for sample in samples] == [
        ("data/image/origin/afraid_214.jpg", (113, 28, 226, 141)),
        ("data/image/origin/afraid_214.jpg", (300, 30, 380, 110)),
    ]
    assert [sample.emotion for sample in samples] == ["neutral", "anger"]
    assert {sample.subject for sample in samples} == {"afraid_214.jpg"}  # faces of one photo stay together


def test_the_emotion_is_the_last_column_in_fer2013s_order(tmp_path):
    make(tmp_path, *(f"a.jpg {code} 1 1 9 9 50 {code}" for code in range(7)), folder="")
    samples, _ = sort_out(read_expw(tmp_path))
    assert [sample.emotion for sample in samples] == ORDER


def test_rules(tmp_path):
    good = "a.jpg 0 1 1 9 9 50 3"
    make(tmp_path, good, "a.jpg 0 1 1 9 9 50 7", "a.jpg 0 1 9 9 9 50 3", "a.jpg 0 1 1 9 9 3", "a.jpg", "")
    samples, dropped = sort_out(read_expw(tmp_path))
    assert len(samples) == 1
    assert reasons(dropped) == {
        "emotion is not from 0 to 6": 1,
        "empty box": 1,
        "line is not a name and seven numbers": 2,
    }
    make(tmp_path, good, "a.jpg 0 1 1 9 9 49.9 3")
    _, dropped = sort_out(read_expw(tmp_path, ExpwOptions(min_confidence=50)))
    assert reasons(dropped) == {"confidence below 50": 1}


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match=r"label\.lst"):
        list(read_expw(tmp_path))
