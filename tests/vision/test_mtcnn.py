"""The detector: facenet-pytorch's faces, whatever the sizes in a batch; and no crash where there is none."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from facenet_pytorch import MTCNN

from faceray.inference.detector import load_detector
from faceray.vision.mtcnn import Detections, Mtcnn, MtcnnOptions
from tests.faces import Pixels, astronaut, group, portrait, scenery

PHOTOS = ("2007_007763", "2008_001322", "2009_004587", "2008_004176", "Tom_Cruise_avp_2014_4")
SMALLEST = pytest.mark.parametrize("min_face_size", [20, 40])


@cache
def detector(min_face_size: int) -> Mtcnn:
    return load_detector(MtcnnOptions(min_face_size))


@cache
def reference(min_face_size: int) -> MTCNN:
    return MTCNN(keep_all=True, min_face_size=min_face_size)


def read(path: Path) -> Pixels:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert bgr is not None
    return np.ascontiguousarray(bgr[:, :, ::-1])


def assert_same(found: Detections, boxes: np.ndarray, scores: np.ndarray, landmarks: np.ndarray) -> None:
    assert len(found) == len(boxes)
    np.testing.assert_allclose(found.boxes, boxes, rtol=0, atol=1e-3)
    np.testing.assert_allclose(found.scores, scores, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.landmarks, landmarks, rtol=0, atol=1e-3)


def assert_parity(images: list[Pixels], min_face_size: int) -> int:
    """All images in one batch of ours, one by one in facenet-pytorch; the number of faces."""
    faces = 0
    for image, found in zip(images, detector(min_face_size)(images), strict=True):
        boxes, scores, landmarks = reference(min_face_size).detect(image, landmarks=True)
        if boxes is None:
            assert len(found) == 0
        else:
            assert_same(found, boxes.astype(float), scores.astype(float), landmarks.astype(float))
            faces += len(boxes)
    return faces


def compositions() -> list[Pixels]:
    """Pictures of several sizes, two of them alike in size, with none to three faces of 30 to 150 pixels."""
    small = cv2.resize(astronaut(), (200, 200), interpolation=cv2.INTER_AREA)
    return [
        astronaut(),
        scenery(200, 200),
        small,
        portrait(120),
        portrait(160, mirrored=True, brightness=0.6),
        group(160, 90, 120),
        np.rot90(astronaut(), 2).copy(),
        portrait(40),
        cv2.GaussianBlur(portrait(200), (0, 0), 2),
    ]


@SMALLEST
def test_same_faces_as_facenet_pytorch(min_face_size: int) -> None:
    assert assert_parity(compositions(), min_face_size) >= 8


@SMALLEST
def test_same_faces_in_photos_of_different_sizes_in_one_batch(data: Path, min_face_size: int) -> None:
    images = [read(data / "photos" / "dlib" / f"{name}.jpg") for name in PHOTOS]
    images.append(read(data / "photos" / "multiface" / "selfie-many-people.jpg"))
    assert len({image.shape for image in images}) < len(images)  # some of one size
    assert assert_parity(images, min_face_size) >= 20


@SMALLEST
def test_same_faces_in_lfw(data: Path, min_face_size: int) -> None:
    paths = sorted((data / "lfw").glob("*/*_0001.jpg"))
    assert assert_parity([read(path) for path in paths[:: len(paths) // 20]], min_face_size) >= 20


def test_an_image_gives_the_same_alone_and_in_any_batch() -> None:
    images = compositions()
    together = detector(20)(images)
    turned = detector(20)(images[::-1])[::-1]
    for image, one, other in zip(images, together, turned, strict=True):
        (alone,) = detector(20)([image])
        for found in (one, other):
            assert_same(found, alone.boxes, alone.scores, alone.landmarks)


def test_what_a_detection_is() -> None:
    (found,) = detector(20)([group(160, 90, 120)])
    assert len(found) == 3
    assert (found.boxes.shape, found.scores.shape, found.landmarks.shape) == ((3, 4), (3,), (3, 5, 2))
    assert found.boxes.dtype == found.scores.dtype == found.landmarks.dtype == np.float32
    width, height = (found.boxes[:, 2:] - found.boxes[:, :2]).T
    assert list(width * height) == sorted(width * height, reverse=True)
    assert ((found.scores > 0.9) & (found.scores <= 1)).all()
    left_eye, right_eye, nose, left_mouth, right_mouth = found.landmarks.transpose(1, 0, 2)
    assert (left_eye[:, 0] < nose[:, 0]).all()
    assert (nose[:, 0] < right_eye[:, 0]).all()
    assert (left_mouth[:, 0] < right_mouth[:, 0]).all()
    assert (nose[:, 1] < left_mouth[:, 1]).all()
    assert (found.landmarks >= found.boxes[:, None, :2]).all()
    assert (found.landmarks <= found.boxes[:, None, 2:]).all()


ODD = {
    "one pixel": (1, 1),
    "a line": (5, 40),
    "a column": (300, 1),
    "smaller than any face": (19, 19),
    "as large as the smallest face": (20, 20),
    "a long stripe": (20, 2000),
}


@pytest.mark.parametrize("shape", ODD.values(), ids=ODD.keys())
def test_images_too_small_for_faces(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    (alone,) = detector(20)([image])
    assert len(alone) == 0
    assert (alone.boxes.shape, alone.scores.shape, alone.landmarks.shape) == ((0, 4), (0,), (0, 5, 2))
    among = detector(20)([image, astronaut(), image])
    assert [len(found) for found in among] == [0, 1, 0]


def test_images_without_a_face() -> None:
    rng = np.random.default_rng(0)
    black, white = np.zeros((200, 300, 3), np.uint8), np.full((200, 300, 3), 255, np.uint8)
    noise = rng.integers(0, 256, (200, 300, 3), np.uint8)
    assert [len(found) for found in detector(20)([black, white, noise, scenery()])] == [0, 0, 0, 0]


def test_no_images() -> None:
    assert detector(20)([]) == []


def test_faces_smaller_than_asked_for_are_not_found() -> None:
    image = group(160, 48)
    assert [len(detector(size)([image])[0]) for size in (20, 60, 150)] == [2, 1, 0]


def test_thresholds_decide_what_counts() -> None:
    strict = load_detector(MtcnnOptions(thresholds=(0.6, 0.7, 1.0)))
    assert len(strict([astronaut()])[0]) == 0
    lenient = load_detector(MtcnnOptions(thresholds=(0.6, 0.6, 0.1)))
    assert len(lenient([astronaut()])[0]) >= 1


def test_many_images_of_one_size_are_cut_into_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    images = [portrait(100, mirrored=i % 2 == 1, brightness=0.6 + i / 10) for i in range(7)]
    whole = detector(20)(images)
    monkeypatch.setattr("faceray.vision.mtcnn._BATCH_PIXELS", 25_000)  # two images
    monkeypatch.setattr("faceray.vision.mtcnn._CHUNK", 5)  # crops
    for found, expected in zip(detector(20)(images), whole, strict=True):
        assert_same(found, expected.boxes, expected.scores, expected.landmarks)
