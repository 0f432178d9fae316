"""gallery.json: what is written is read back, and nothing else is taken for it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from faceray.errors import UserError
from faceray.gallery.card import GalleryCard, card_from_json, card_to_json
from tests.gallery.cards import a_card, a_file, a_shard


@pytest.mark.parametrize("calibration", [None, {"tail": [1.5, {"a": None}], "text": "ü"}])
def test_a_card_comes_back_as_it_was(calibration: dict[str, Any] | None) -> None:
    card = replace(a_card(a_shard("a", 3), a_shard("b", 1)), calibration=calibration, trained=a_file("t.faiss"))
    assert card_from_json(card_to_json(card)) == card


def test_recall_is_the_mean_over_faces() -> None:
    card = a_card(a_shard("a", 3, recall_at_1=1.0), a_shard("b", 1, recall_at_1=0.6))
    assert card.recall_at_1 == pytest.approx(0.9)
    assert a_card().recall_at_1 == 0


def test_all_files_are_known() -> None:
    card = replace(a_card(a_shard("a", 3)), trained=a_file("t.faiss", 7), banned=a_file("b.parquet", 5))
    assert [file.name for file in card.files] == ["t.faiss", "b.parquet", "a.faiss", "a.parquet"]
    assert card.bytes == 7 + 5 + 10 + 10


def changed(**changes: Any) -> str:
    return json.dumps({**json.loads(card_to_json(a_card(a_shard("a", 3)))), **changes})


SHARD = json.loads(card_to_json(a_card(a_shard("a", 3))))["shards"][0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Expecting value"),
        ("[]", "must be GalleryCard"),
        (changed(generation="../../etc"), "not the name of a generation or file"),
        (changed(generation=""), "not the name of a generation or file"),
        (changed(shards=[{**SHARD, "index": {**SHARD["index"], "name": "../x"}}]), "not the name"),
        (changed(shards=[{**SHARD, "index": {**SHARD["index"], "name": ".."}}]), "not the name"),
        (changed(shards=[{**SHARD, "index": {**SHARD["index"], "sha256": "00"}}]), "not a size and a sha256"),
        (changed(shards=[{**SHARD, "index": {**SHARD["index"], "bytes": 0}}]), "not a size and a sha256"),
        (changed(shards=[{**SHARD, "faces": 0}], faces=0), "has no faces"),
        (changed(faces=4), "4 faces, but the shards have 3"),
        (changed(faces="3"), "faces must be int"),
        (changed(metric="euclidean"), "metric must be 'cosine'"),
        (changed(calibration=3), "calibration"),
        (changed(seconds=float("nan")), "NaN is not JSON"),
        (changed(extra=1), "unknown key extra"),
        (json.dumps({k: v for k, v in json.loads(changed()).items() if k != "index"}), "missing key index"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_anything_else_is_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=f"^somewhere: .*{complaint}") as caught:
        card_from_json(text, "somewhere")
    assert "\n" not in str(caught.value)


def test_a_card_with_nobody_is_one() -> None:
    assert card_from_json(card_to_json(a_card())).faces == 0


def test_cards_are_for_people_too() -> None:
    assert '\n  "faces": 3,\n' in card_to_json(a_card(a_shard("a", 3)))
    assert isinstance(card_from_json(changed()), GalleryCard)
