"""The second stage: rows of images become rows with faces; images without pixels pass through."""

import numpy as np
import pytest

from faceray.inference.detection import Detect, describe
from faceray.inference.rows import DETECTED
from faceray.vision.align import Crop
from faceray.vision.mtcnn import Detections, MtcnnOptions
from tests.faces import Pixels, astronaut, group, portrait, scenery
from tests.inference.stages import loaded

CROPS = (Crop("margin", 64, margin=0.1), Crop("similarity", 112), Crop("triple_box", 32))


@pytest.fixture(scope="module")
def detect() -> Detect:
    return Detect(MtcnnOptions(), CROPS, "cpu")


def test_one_row_for_each_image_in_the_same_order(detect: Detect) -> None:
    pictures: list[Pixels | str] = [
        astronaut(),
        "truncated",
        scenery(),
        group(160, 90),
        "not_found",
        np.zeros((1, 1, 3), np.uint8),
    ]
    batch = loaded(*pictures)
    result = detect(batch)
    assert result.schema == DETECTED
    for name in set(batch.column_names) - {"pixels"}:
        assert result[name].to_pylist() == batch[name].to_pylist(), name
    assert [len(faces) for faces in result["faces"].to_pylist()] == [1, 0, 0, 2, 0, 0]
    assert all(seconds > 0 for seconds in result["detect_seconds"].to_pylist())


def test_what_is_known_of_a_face(detect: Detect) -> None:
    picture = group(160, 90)
    ((first, second),) = detect(loaded(picture))["faces"].to_pylist()
    assert (first["face_index"], second["face_index"]) == (0, 1)
    for face in (first, second):
        assert 0.9 < face["score"] <= 1
        assert len(face["landmarks"]) == 10
        eye_x, eye_y = face["landmarks"][:2]  # x and y alternate
        assert face["x1"] < eye_x < face["x2"]
        assert face["y1"] < eye_y < face["y2"]
        assert abs(face["yaw"]) < 45
        assert abs(face["pitch"]) < 45
        assert abs(face["roll"]) < 20
        parts = [face[f"quality_{part}"] for part in ("size", "sharpness", "exposure", "frontality")]
        assert all(0 <= part <= 1 for part in parts)
        assert face["quality"] == pytest.approx(np.prod(parts) ** 0.25, abs=1e-5)
    assert first["quality_size"] > second["quality_size"]
    assert np.sign(first["roll"]) != np.sign(second["roll"])  # the second is mirrored


def test_crops_are_bytes_in_the_order_asked_for(detect: Detect) -> None:
    picture = astronaut()
    ((face,),) = detect(loaded(picture))["faces"].to_pylist()
    box = np.array([face[side] for side in ("x1", "y1", "x2", "y2")], np.float32)
    landmarks = np.array(face["landmarks"], np.float32).reshape(5, 2)
    assert [len(crop) for crop in face["crops"]] == [64 * 64 * 3, 112 * 112 * 3, 3 * 32 * 32 * 3]
    for crop, content in zip(CROPS, face["crops"], strict=True):
        cut = np.frombuffer(content, np.uint8).reshape(crop.count, crop.size, crop.size, 3)
        np.testing.assert_array_equal(cut, crop.cut(picture, box, landmarks))


def test_no_usable_image_and_no_image(detect: Detect) -> None:
    result = detect(loaded("empty", "truncated"))
    assert result["status"].to_pylist() == ["empty", "truncated"]
    assert result["faces"].to_pylist() == [[], []]
    assert detect(loaded()).schema == DETECTED


def test_one_bad_image_fails_alone(detect: Detect, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = detect.detector

    def fragile(images: list[np.ndarray]) -> list[Detections]:
        if any(image.shape[0] == 77 for image in images):
            raise RuntimeError("out of memory")
        return detector(images)

    monkeypatch.setattr(detect, "detector", fragile)
    result = detect(loaded(portrait(), scenery(77), "empty", portrait()))
    assert result["status"].to_pylist() == ["ok", "failed", "empty", "ok"]
    assert [len(faces) for faces in result["faces"].to_pylist()] == [1, 0, 0, 1]
    assert result["error"].to_pylist() == [None, "RuntimeError: out of memory", "why", None]


def test_without_faces_there_is_nothing_to_describe() -> None:
    nothing = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))
    assert describe(scenery(), nothing, CROPS) == []
