"""Model cards: JSON and back, and nothing but a proper card is read."""

import json
from dataclasses import replace
from typing import Any

import pytest

from faceray.errors import UserError
from faceray.models.card import ModelCard, card_from_json, card_to_json
from faceray.models.tasks import Task
from faceray.vision.align import Crop

CARD = ModelCard(
    name="attributes",
    version="3",
    network="attribute_net",
    arguments={"width": 16, "blocks": [1, 1]},
    tasks=(Task("age", "expectation"), Task("gender", "softmax", ("female", "male"))),
    crop=Crop("similarity", 112, margin=0.5),
    colour="BGR",
    mean=(1.0, 2.0, 3.0),
    std=(4.0, 5.0, 6.0),
    metrics={"age_mae": 5.25},
    training_data="a set, “quoted”",
    recipe={"optimiser": {"name": "adam", "betas": [0.9, 0.99]}, "seed": None},
    licence="Apache-2.0",
    intended_use="tests",
    limitations="knows nothing",
    sha256="0" * 64,
)


def changed(**changes: Any) -> str:
    return json.dumps({**json.loads(card_to_json(CARD)), **changes})


def test_json_gives_the_card_back():
    assert card_from_json(card_to_json(CARD)) == CARD


def test_what_has_a_default_may_be_left_out():
    raw = json.loads(card_to_json(CARD))
    for key in ("arguments", "colour", "mean", "std", "metrics", "recipe", "sha256"):
        del raw[key]
    card = card_from_json(json.dumps(raw))
    assert card.colour == "RGB"
    assert card.mean == card.std == (127.5,) * 3


def test_whole_numbers_are_floats_too():
    assert card_from_json(changed(mean=[0, 0, 0])).mean == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[]", "the value must be ModelCard"),
        ("{}", "missing key name, version"),
        (changed(colour="GBR"), "colour must be 'RGB' or 'BGR', not \"GBR\""),
        (changed(name=3), "name must be str, not 3"),
        (changed(std=[1.0, 2.0]), r"std must be .*float.*, not \[1.0, 2.0\]"),
        (changed(std=[1.0, 2.0, 0.0]), "std must be positive"),
        (changed(std=[1.0, 2.0, True]), r"std\[2\] must be float, not true"),
        (changed(metrics={"mae": "low"}), 'metrics.mae must be float, not "low"'),
        (changed(metrics={"mae": float("nan")}), "NaN is not JSON"),
        (changed(metrics={"mae": 12.5}).replace("12.5", "1e999"), "metrics.mae must be float"),
        (changed(mood="good"), "unknown key mood"),
        (changed(crop={"kind": "similarity", "size": 112, "zoom": 2}), "unknown key crop.zoom"),
        (changed(crop={"kind": "similarity"}), "missing key crop.size"),
        (changed(crop={"kind": "similarity", "size": 1.5}), "crop.size must be int, not 1.5"),
        (changed(crop={"kind": "similarity", "size": 0}), "out of range"),
        (changed(tasks=[{"name": "age", "kind": "guess"}]), r"tasks\[0\].kind must be 'expectation' or"),
        (changed(tasks=[{"name": "emotion", "kind": "softmax", "labels": ["joy", "fear"]}]), "joy"),
        (changed(tasks=[{"name": "hat", "kind": "sigmoid"}] * 2), "different"),
        (changed(tasks=[]), "one or more"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_anything_else_is_refused_in_one_line(text, message):
    with pytest.raises(UserError, match=message) as error:
        card_from_json(text, "there/card.json")
    assert str(error.value).startswith("there/card.json: ")
    assert "\n" not in str(error.value)


def test_a_metric_that_is_not_a_number_cannot_be_written():
    with pytest.raises(ValueError, match="JSON"):
        card_to_json(replace(CARD, metrics={"mae": float("nan")}))
