"""Emotions: every set's order is in the schema's words, and the orders do differ."""

import pytest

from faceray.datasets.emotions import CK_PLUS_ORDER, FER2013_ORDER, emotion_named, emotion_numbered
from faceray.results.schema import EMOTIONS


def test_orders_are_permutations_of_the_schema():
    assert set(CK_PLUS_ORDER) == set(EMOTIONS)
    assert set(FER2013_ORDER) == set(EMOTIONS) - {"contempt"}


def test_from_ferplus_numbers_to_fer2013_numbers():
    moved = {number: FER2013_ORDER.index(name) for number, name in enumerate(EMOTIONS) if name in FER2013_ORDER}
    assert moved == {0: 6, 1: 3, 2: 5, 3: 4, 4: 0, 5: 1, 6: 2}  # contempt, 7, has no number there


@pytest.mark.parametrize(
    ("folder", "emotion"),
    [("Angry", "anger"), ("happy", "happiness"), ("Sad", "sadness"), ("fear", "fear"), ("surprised", "surprise")],
)
def test_folder_names(folder, emotion):
    assert emotion_named(folder) == emotion


def test_what_is_no_emotion():
    assert emotion_named("images") is None
    assert [emotion_numbered(FER2013_ORDER, code) for code in ("6", "7", "-1", "", "x")] == ["neutral"] + [None] * 4
