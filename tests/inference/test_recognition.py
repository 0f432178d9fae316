"""The third stage: embeddings and attributes of faces, each with its image."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from faceray.inference.detection import Detect
from faceray.inference.recognition import Recognise
from faceray.inference.rows import DETECTED, RECOGNISED
from faceray.models.checkpoint import load_checkpoint, save_checkpoint
from faceray.models.networks import build_network
from faceray.models.tasks import Task, decode
from faceray.models.zoo import load_models
from faceray.results.schema import ATTRIBUTES, LABELS
from faceray.vision.align import Crop
from faceray.vision.mtcnn import MtcnnOptions
from tests.faces import astronaut, group, portrait, scenery
from tests.inference.stages import loaded
from tests.models.test_attribute_net import CARD, TASKS, lively

ONE = replace(CARD, name="one", arguments={"width": 8, "blocks": [0]}, crop=Crop("similarity", 48), tasks=TASKS[:4])
OTHER = replace(ONE, name="other", crop=Crop("margin", 112, margin=0.2), tasks=TASKS[4:])
Stages = Callable[..., tuple[Detect, Recognise]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two small attribute networks with different crops, which fill all columns between them."""
    root = tmp_path_factory.mktemp("checkpoints")
    for card in (ONE, OTHER):
        torch.manual_seed(3)
        module = build_network(replace(card, crop=replace(card.crop, size=112)))
        save_checkpoint(f"{root}/{card.name}", card, lively(module) if card is OTHER else build_network(card))
    return f"{root}/one", f"{root}/other"


@pytest.fixture(scope="module")
def stages() -> Stages:
    def make(*checkpoints: str, embedding: str = "sface") -> tuple[Detect, Recognise]:
        crops = load_models(MtcnnOptions(), embedding, checkpoints, "fp32").crops
        return Detect(MtcnnOptions(), crops, "cpu"), Recognise(embedding, checkpoints, crops, "cpu")

    return make


def embeddings(table: pa.Table) -> np.ndarray:
    return np.array([face["embedding"] for faces in table["faces"].to_pylist() for face in faces], np.float32)


def test_one_row_for_each_image_with_its_own_faces(stages: Stages) -> None:
    detect, recognise = stages()
    detected = detect(loaded(scenery(), group(160, 90, 120), "truncated", astronaut(), portrait(mirrored=True)))
    result = recognise(detected)
    assert result.schema == RECOGNISED
    for name in set(detected.column_names) - {"faces"}:
        assert result[name].to_pylist() == detected[name].to_pylist(), name
    for before, after in zip(detected["faces"].to_pylist(), result["faces"].to_pylist(), strict=True):
        assert len(before) == len(after)
        for face, recognised in zip(before, after, strict=True):
            assert recognised["embedding"] is not None
            assert "crops" not in recognised
            known = {name: value for name, value in face.items() if name != "crops" and value is not None}
            assert known.items() <= recognised.items()
    assert all(seconds >= 0 for seconds in result["recognise_seconds"].to_pylist())


@pytest.mark.parametrize(("embedding", "dimension"), [("sface", 128), ("sface+dlib", 256)])
def test_embeddings_have_unit_length_and_know_a_person(stages: Stages, embedding: str, dimension: int) -> None:
    detect, recognise = stages(embedding=embedding)
    darker = portrait(200, brightness=0.7)
    found = embeddings(recognise(detect(loaded(astronaut(), portrait(180), darker))))
    assert found.shape == (3, dimension)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert (found @ found.T).min() > 0.7


def test_a_face_gives_the_same_alone_and_in_any_batch(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    detect, recognise = stages()
    detected = detect(loaded(group(160, 90, 120), astronaut(), portrait()))
    together = embeddings(recognise(detected))
    alone = np.concatenate([embeddings(recognise(detected.slice(i, 1))) for i in range(3)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    monkeypatch.setattr("faceray.inference.recognition._CHUNK", 2)
    np.testing.assert_allclose(embeddings(recognise(detected)), together, atol=1e-5)


def test_without_attribute_networks_their_columns_are_null(stages: Stages) -> None:
    detect, recognise = stages()
    ((face,),) = recognise(detect(loaded(astronaut())))["faces"].to_pylist()
    assert {name for name, value in face.items() if value is None} == {
        *ATTRIBUTES,
        *(f"{name}_probabilities" for name in LABELS),
    }


def test_every_attribute_is_filled_by_its_network(stages: Stages, folders: tuple[str, str]) -> None:
    detect, recognise = stages(*folders)
    detected = detect(loaded(astronaut(), group(160, 90)))
    faces = [face for faces in recognise(detected)["faces"].to_pylist() for face in faces]
    assert all(value is not None for face in faces for value in face.values())
    for face in faces:
        assert 0 <= face["age"] <= 100
        for name, labels in LABELS.items():
            probabilities = face[f"{name}_probabilities"]
            assert sum(probabilities) == pytest.approx(1, abs=1e-5)
            assert face[name] == labels[int(np.argmax(probabilities))]

    # the numbers are those of the plain torch modules on the crops that each asked for
    crops = [face["crops"] for faces in detected["faces"].to_pylist() for face in faces]
    for folder in folders:
        model = load_checkpoint(folder)
        place = recognise.crops.index(model.crop)
        pixels = np.stack([np.frombuffer(c[place], np.uint8) for c in crops])
        pictures = torch.from_numpy(pixels).view(-1, model.crop.size, model.crop.size, 3).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            outputs = model.module(pictures)
        for task, logits in zip(model.tasks, outputs, strict=True):
            assert_decoded(task, logits, faces)


def assert_decoded(task: Task, logits: torch.Tensor, faces: list[dict[str, object]]) -> None:
    for name, values in decode(task, logits.numpy()).items():
        found = [face[name] for face in faces]
        if task.kind == "softmax" and name == task.name:
            assert found == values
        else:
            np.testing.assert_allclose(np.array(found, np.float64), np.array(values), rtol=1e-3, atol=1e-3)


def test_an_embedding_that_is_no_number_is_null(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    detect, recognise = stages()
    detected = detect(loaded(astronaut(), portrait()))
    network, crop = recognise.parts[0]

    def broken(pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        (vectors,) = network(pictures)
        vectors[0] = torch.nan
        return (vectors,)

    monkeypatch.setattr(recognise, "parts", [(broken, crop)])
    first, second = (faces[0] for faces in recognise(detected)["faces"].to_pylist())
    assert first["embedding"] is None
    assert second["embedding"] is not None


def test_one_bad_image_fails_alone(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    detect, recognise = stages()
    detected = detect(loaded(astronaut(), group(160, 90), scenery()))
    network, crop = recognise.parts[0]

    def fragile(pictures: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if len(pictures) != 1:
            raise RuntimeError("out of memory")
        return network(pictures)

    monkeypatch.setattr(recognise, "parts", [(fragile, crop)])
    result = recognise(detected)
    assert result["status"].to_pylist() == ["ok", "failed", "ok"]
    assert [len(faces) for faces in result["faces"].to_pylist()] == [1, 0, 0]


def test_no_faces_and_no_images(stages: Stages) -> None:
    detect, recognise = stages()
    assert recognise(detect(loaded(scenery(), "empty")))["faces"].to_pylist() == [[], []]
    assert recognise(DETECTED.empty_table()).schema == RECOGNISED
