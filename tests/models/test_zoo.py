"""The networks of a run: their crops, their fingerprint, and what the manifest says of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from faceray.errors import UserError
from faceray.models.card import ModelCard
from faceray.models.checkpoint import save_checkpoint
from faceray.models.networks import build_network
from faceray.models.tasks import Task
from faceray.models.zoo import Models, load_models
from faceray.results.schema import FACES
from faceray.vision.align import Crop
from faceray.vision.mtcnn import MtcnnOptions
from tests.models.test_attribute_net import CARD

SMALL = replace(CARD, arguments={"width": 4, "blocks": [0]}, crop=Crop("similarity", 48))
AGE = replace(SMALL, name="ages", tasks=(Task("age", "expectation"),))
SMILE = replace(SMALL, name="smiles", tasks=(Task("smile", "sigmoid"),), crop=Crop("margin", 48, margin=0.2))

Checkpoint = Callable[..., str]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """Writes a checkpoint with weights of a seed, and gives its folder."""
    count = 0

    def write(card: ModelCard, seed: int = 0) -> str:
        nonlocal count
        count += 1
        torch.manual_seed(seed)
        save_checkpoint(f"{tmp_path}/{count}", card, build_network(card))
        return f"{tmp_path}/{count}"

    return write


def models(*checkpoints: str, embedding: str = "sface", precision: str = "fp32", **detector: Any) -> Models:
    return load_models(MtcnnOptions(**detector), embedding, checkpoints, precision)


def test_each_crop_is_wanted_once(checkpoint: Checkpoint) -> None:
    sface = Crop("similarity", 112)
    assert models().crops == (sface,)
    shared, own = replace(AGE, crop=sface), SMILE
    assert models(checkpoint(shared), checkpoint(own)).crops == (sface, own.crop)
    assert len(models(checkpoint(shared), embedding="sface+dlib").crops) == 2


def test_equal_networks_have_equal_fingerprints(checkpoint: Checkpoint) -> None:
    first, second = (models(checkpoint(AGE, seed=1), checkpoint(SMILE, seed=2)) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert [part.partition(":")[0] for part in first.fingerprint.split()] == ["mtcnn", "sface", "ages", "smiles"]
    assert all(len(part.partition(":")[2]) == 8 for part in first.fingerprint.split())


def test_every_change_of_networks_or_settings_changes_the_fingerprint(checkpoint: Checkpoint) -> None:
    card = replace(SMALL, name="n", tasks=(Task("gender", "softmax", ("female", "male")),))
    variants = [
        models(),
        models(embedding="dlib"),
        models(embedding="sface+dlib"),
        models(precision="bf16"),
        models(min_face_size=40),
        models(thresholds=(0.6, 0.7, 0.8)),
        models(factor=0.8),
        models(checkpoint(card, seed=1)),
        models(checkpoint(card, seed=2)),
        models(checkpoint(card, seed=1), precision="bf16"),
        models(checkpoint(replace(card, crop=Crop("margin", 48)), seed=1)),
        models(checkpoint(replace(card, mean=(0.0, 0.0, 0.0)), seed=1)),
        models(checkpoint(replace(card, colour="BGR"), seed=1)),
        models(checkpoint(replace(card, tasks=(Task("gender", "softmax", ("male", "female")),)), seed=1)),
    ]
    fingerprints = [variant.fingerprint for variant in variants]
    assert len(set(fingerprints)) == len(fingerprints)


def test_words_about_a_network_do_not_change_the_fingerprint(checkpoint: Checkpoint) -> None:
    reworded = replace(AGE, limitations="other words", metrics={"mae": 5.0}, intended_use="other", licence="MIT")
    assert models(checkpoint(AGE)).fingerprint == models(checkpoint(reworded)).fingerprint


def test_the_manifest_names_the_network_of_each_column(checkpoint: Checkpoint) -> None:
    manifest = models(checkpoint(AGE), checkpoint(SMILE)).manifest()
    assert [(entry["role"], entry["name"]) for entry in manifest] == [
        ("detector", "mtcnn"),
        ("embedding", "sface"),
        ("attributes", "ages"),
        ("attributes", "smiles"),
    ]
    columns = [column for entry in manifest for column in entry["columns"]]
    assert len(set(columns)) == len(columns)
    assert set(columns) <= set(FACES.names)
    assert [entry["columns"] for entry in manifest[1:]] == [["embedding"], ["age"], ["smile"]]
    for entry in manifest:
        assert entry["licence"]
        assert entry["sha256"]
        assert all(len(sha) == 64 for sha in entry["sha256"])


def test_two_networks_may_not_fill_one_column(checkpoint: Checkpoint) -> None:
    with pytest.raises(UserError, match="more than one model fills age, smile: name only one"):
        models(checkpoint(SMALL), checkpoint(AGE), checkpoint(SMILE))


def test_unknown_networks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no-such-network"):
        models(embedding="no-such-network")
    with pytest.raises(UserError, match=r"nowhere/card\.json"):
        models(f"{tmp_path}/nowhere")
