"""CK+: sequences with the label at their end, or CK+48's frames in folders."""

from collections import Counter

import pytest

from faceray.datasets.ck_plus import CkPlusOptions, read_ck_plus
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch, write


@pytest.fixture
def official(tmp_path):
    for sequence in ("S005/001", "S010/002"):
        name = sequence.replace("/", "_")
        touch(tmp_path, *(f"cohn-kanade-images/{sequence}/{name}_{frame:08d}.png" for frame in range(1, 12)))
    touch(tmp_path, "cohn-kanade-images/S005/.DS_Store")
    write(tmp_path, "Emotion/S005/001/S005_001_00000011_emotion.txt", "   3.0000000e+00\n")
    (tmp_path / "Emotion/S010/002").mkdir(parents=True)  # as published: no file, no label
    return tmp_path


def test_the_label_is_for_the_peak_frame(official):
    (sample,), dropped = sort_out(read_ck_plus(official))
    assert sample.image == "cohn-kanade-images/S005/001/S005_001_00000011.png"
    assert (sample.emotion, sample.identity) == ("disgust", "S005")
    assert reasons(dropped) == {"frame without a label": 21}


def test_more_frames_by_option(official):
    samples, dropped = sort_out(read_ck_plus(official, CkPlusOptions(peak_frames=3, neutral_frames=1)))
    frames = [(sample.identity, int(sample.image[-6:-4]), sample.emotion) for sample in samples]
    assert frames == [
        ("S005", 1, "neutral"),
        ("S005", 9, "disgust"),
        ("S005", 10, "disgust"),
        ("S005", 11, "disgust"),
        ("S010", 1, "neutral"),
    ]
    assert len(dropped) == 22 - 5


@pytest.mark.parametrize(
    ("code", "emotion"),
    [(0, "neutral"), (1, "anger"), (2, "contempt"), (4, "fear"), (5, "happiness"), (6, "sadness"), (7, "surprise")],
)
def test_the_order_of_labels(official, code, emotion):
    write(official, "Emotion/S005/001/S005_001_00000011_emotion.txt", f"   {code:.7e}\n")
    (sample,), _ = sort_out(read_ck_plus(official))
    assert sample.emotion == emotion


@pytest.mark.parametrize("text", ["-1.0", "8", "nan", "inf", "happy", ""])
def test_what_is_no_label(official, text):
    write(official, "Emotion/S005/001/S005_001_00000011_emotion.txt", text)
    samples, dropped = sort_out(read_ck_plus(official))
    assert (samples, len(dropped)) == ([], 22)


def test_images_without_labels_are_the_users_mistake(tmp_path):
    touch(tmp_path, "cohn-kanade-images/S005/001/S005_001_00000001.png")
    with pytest.raises(UserError, match="has no Emotion"):
        list(read_ck_plus(tmp_path))


def test_folders_of_ck48(tmp_path):
    touch(tmp_path, "happy/S132_006_00000023.png", "contempt/S138_008_00000007.png")
    touch(tmp_path, "happy/x.png", "bored/S132_006_00000023.png")
    samples, dropped = sort_out(read_ck_plus(tmp_path))
    assert [(sample.emotion, sample.identity) for sample in samples] == [("contempt", "S138"), ("happiness", "S132")]
    assert reasons(dropped) == {"path is not emotion/person_sequence_frame": 2}


def test_real_counts(data):
    samples, dropped = sort_out(read_ck_plus(data / "ck48"))
    assert (len(samples), dropped) == (981, [])
    assert Counter(sample.emotion for sample in samples) == {
        "anger": 135,
        "contempt": 54,
        "disgust": 177,
        "fear": 75,
        "happiness": 207,
        "sadness": 84,
        "surprise": 249,
    }
    assert len({sample.identity for sample in samples}) == 118
