"""Checkpoints: from a network to a folder and back to columns of the faces table; damage is noticed."""

import hashlib
import json
import pickle
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pytest
import safetensors.torch
import torch

from faceray.errors import UserError
from faceray.models import checkpoint
from faceray.models.checkpoint import load_checkpoint, save_checkpoint
from faceray.models.networks import build_network
from faceray.models.tasks import decode
from faceray.results.schema import ATTRIBUTES, FACES
from faceray.vision.align import TEMPLATES
from tests.models.test_attribute_net import CARD


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint of all nine attributes with random weights."""
    torch.manual_seed(0)
    save_checkpoint(str(tmp_path / "new" / "model"), CARD, build_network(CARD))
    return tmp_path / "new" / "model"


def test_from_faces_to_columns_of_the_table(folder):
    model = load_checkpoint(str(folder))
    photo = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    faces = [(np.array([10, 10, 100, 120]), TEMPLATES["arcface"] + shift) for shift in (0, 30, 60)]
    crops = np.concatenate([model.crop.cut(photo, box, landmarks) for box, landmarks in faces])
    with torch.inference_mode():
        logits = model.module(torch.from_numpy(crops).permute(0, 3, 1, 2).float())

    columns = {}
    for task, output in zip(model.tasks, logits, strict=True):
        columns |= decode(task, output.numpy())
    table = pa.table({name: pa.array(values, FACES.field(name).type) for name, values in columns.items()})
    assert set(ATTRIBUTES) < set(table.column_names) < set(FACES.names)
    assert table.num_rows == 3
    assert all(0 < age < 100 for age in table["age"].to_pylist())
    assert sum(column.null_count for column in table.columns) == 0


def test_the_weights_come_back_exactly(folder, tmp_path):
    torch.manual_seed(1)
    module = build_network(CARD)
    written = save_checkpoint(str(tmp_path / "other"), CARD, module)
    model = load_checkpoint(str(tmp_path / "other"))
    assert model.card == written
    assert len(written.sha256) == 64
    assert not model.module.training
    for name, weight in module.state_dict().items():
        assert torch.equal(model.module.state_dict()[name], weight), name


def test_a_bucket_will_do_as_well():
    uri = "memory://bucket/models/attributes"
    save_checkpoint(uri, CARD, build_network(CARD))
    assert sorted(fsspec.filesystem("memory").ls("/bucket/models/attributes", detail=False)) == [
        "/bucket/models/attributes/card.json",
        "/bucket/models/attributes/model.safetensors",
    ]
    assert load_checkpoint(uri + "/").card.name == CARD.name


def refused(folder: Path, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        load_checkpoint(str(folder))
    assert "\n" not in str(error.value)


def replace_weights(folder: Path, weights: bytes) -> None:
    """Other weights under a card that vouches for them."""
    card = json.loads((folder / "card.json").read_text())
    card["sha256"] = hashlib.sha256(weights).hexdigest()
    (folder / "card.json").write_text(json.dumps(card))
    (folder / "model.safetensors").write_bytes(weights)


def test_weights_that_were_changed_are_refused(folder):
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    refused(folder, "sha256 differs")


def test_a_card_without_a_hash_vouches_for_nothing(folder):
    card = json.loads((folder / "card.json").read_text())
    del card["sha256"]
    (folder / "card.json").write_text(json.dumps(card))
    refused(folder, "sha256 differs")


def test_nothing_but_safetensors_is_read(folder):
    replace_weights(folder, pickle.dumps({"trunk.1.weight": 1}))
    refused(folder, "not a safetensors file")
    replace_weights(folder, b"")
    refused(folder, "not a safetensors file")


def test_weights_of_another_network_are_refused(folder):
    state = safetensors.torch.load((folder / "model.safetensors").read_bytes())
    head = state.pop("heads.age.linear.weight")
    replace_weights(folder, safetensors.torch.save(state))
    refused(folder, "heads.age.linear.weight has shape None, the card's network needs \\(101, 256\\)")
    replace_weights(folder, safetensors.torch.save({**state, "heads.age.linear.weight": head[:100].contiguous()}))
    refused(folder, "heads.age.linear.weight has shape \\(100, 256\\)")
    replace_weights(
        folder, safetensors.torch.save({**state, "heads.age.linear.weight": head, "extra": torch.zeros(1)})
    )
    refused(folder, "extra has shape \\(1,\\), the card's network needs None")


def test_what_is_missing_or_too_large_is_refused(folder, monkeypatch):
    refused(folder / "nowhere", "cannot read .*nowhere/card.json")
    monkeypatch.setattr(checkpoint, "MAX_WEIGHTS_BYTES", 1000)
    refused(folder, "model.safetensors: larger than 1000 bytes")
    (folder / "model.safetensors").unlink()
    refused(folder, "cannot read .*model.safetensors")


def test_a_module_that_is_not_the_cards_cannot_be_saved(tmp_path):
    with pytest.raises(UserError, match="has shape"):
        save_checkpoint(str(tmp_path), CARD, torch.nn.Linear(2, 2))
    assert not list(tmp_path.iterdir())
