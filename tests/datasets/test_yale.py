"""Yale: conditions, not all of which are labels."""

from collections import Counter

import pytest

from faceray.datasets.yale import read_yale
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch


def test_conditions(tmp_path):
    conditions = ["glasses", "happy", "leftlight", "noglasses", "normal", "sad", "surprised", "wink"]
    touch(tmp_path, *(f"subject02.{condition}" for condition in conditions), "Readme.txt")
    samples, _ = sort_out(read_yale(tmp_path))
    assert {sample.image.split(".")[1]: sample.emotion for sample in samples if sample.emotion} == {
        "happy": "happiness",
        "normal": "neutral",
        "sad": "sadness",
        "surprised": "surprise",
    }
    glasses = {s.image.split(".")[1]: s.attributes["eyeglasses"] for s in samples if s.attributes}
    assert glasses == {"glasses": True, "noglasses": False}  # the others say nothing
    assert {sample.identity for sample in samples} == {"subject02"}
    assert len(samples) == len(conditions)


def test_two_names_of_the_archive_are_mended(tmp_path):
    touch(tmp_path, "subject01.gif", "subject01.glasses", "subject01.glasses.gif", "subject01.unheard")
    samples, dropped = sort_out(read_yale(tmp_path))
    assert [sample.image for sample in samples] == ["subject01.gif", "subject01.glasses"]
    assert reasons(dropped) == {"duplicate of a condition": 1, "name is not subject.condition": 1}


def test_a_missing_folder_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="not a folder"):
        list(read_yale(tmp_path / "absent"))


def test_real_counts(data):
    samples, dropped = sort_out(read_yale(data / "yale_faces"))
    assert (len(samples), dropped) == (164, [])
    emotions = Counter(sample.emotion for sample in samples)
    assert emotions == {"happiness": 15, "sadness": 15, "surprise": 15, "neutral": 15, None: 104}
    assert Counter(sample.attributes.get("eyeglasses") for sample in samples) == {True: 15, False: 15, None: 134}
    assert len({sample.identity for sample in samples}) == 15
