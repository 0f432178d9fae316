"""Quality: the parts fall when a photo is spoilt, and use their range on real faces."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceray.vision.align import Crop
from faceray.vision.pose import head_pose
from faceray.vision.quality import Quality, face_quality


def assess(picture: np.ndarray, landmarks: np.ndarray) -> Quality:
    crop = Crop("similarity", 112).cut(picture, np.zeros(4), landmarks)[0]
    yaw, pitch, _ = head_pose(landmarks)
    return face_quality(crop, float(np.linalg.norm(landmarks[1] - landmarks[0])), float(yaw), float(pitch))


@pytest.fixture(scope="module")
def faces() -> list[tuple[np.ndarray, np.ndarray]]:
    """Twenty photos of LFW with their landmarks."""
    if "FACERAY_DATA" not in os.environ:
        pytest.skip("needs FACERAY_DATA, the folder of development data")
    from facenet_pytorch import MTCNN

    detector = MTCNN(device="cpu", min_face_size=60)
    found = []
    for path in sorted(Path(os.environ["FACERAY_DATA"], "lfw").glob("*/*_0001.jpg"))[::200][:20]:
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        landmarks = detector.detect(picture, landmarks=True)[2]
        if landmarks is not None:
            found.append((picture, landmarks[0].astype(float)))
    assert len(found) > 15
    return found


def test_typical_photos_lie_inside_the_range(faces):
    judged = [assess(*face) for face in faces]
    parts = [(q.size, q.sharpness, q.exposure, q.frontality, q.overall) for q in judged]
    median = np.median(parts, axis=0)
    assert (median > 0.4).all()
    assert (median < 0.97).all()


def test_blur_lowers_sharpness_step_by_step(faces):
    for picture, landmarks in faces:
        blurred = [picture, *(cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (1, 2, 4, 8))]
        sharpness = [assess(p, landmarks).sharpness for p in blurred]
        assert sharpness == sorted(sharpness, reverse=True)
        assert sharpness[-1] < 0.1


def test_noise_is_not_taken_for_detail(faces):
    """Blur with noise on top must still look worse than the photo."""
    rng = np.random.default_rng(0)
    for picture, landmarks in faces:
        noisy = cv2.GaussianBlur(picture, (0, 0), 3) + rng.normal(0, 3, picture.shape)
        spoilt = np.clip(noisy, 0, 255).astype(np.uint8)
        assert assess(spoilt, landmarks).sharpness < assess(picture, landmarks).sharpness


def test_darkness_and_glare_lower_exposure(faces):
    for picture, landmarks in faces:
        darker = [assess((picture * gain).astype(np.uint8), landmarks).exposure for gain in (1.0, 0.5, 0.25, 0.1)]
        assert darker == sorted(darker, reverse=True)
        assert darker[-1] < 0.25
    glare = [assess(np.clip(p * 3.0 + 40, 0, 255).astype(np.uint8), marks).exposure for p, marks in faces]
    assert np.mean(glare) < 0.25


def test_a_smaller_photo_lowers_size_and_sharpness(faces):
    for picture, landmarks in faces:
        full, half, tenth = (
            assess(cv2.resize(picture, None, fx=f, fy=f, interpolation=cv2.INTER_AREA), (landmarks + 0.5) * f - 0.5)
            for f in (1, 0.5, 0.1)
        )
        assert full.size > half.size > tenth.size
        assert full.sharpness > tenth.sharpness
        assert tenth.size < 0.05
        assert full.overall > tenth.overall


def test_contrast_alone_does_not_change_sharpness():
    rng = np.random.default_rng(0)
    face = cv2.GaussianBlur(rng.uniform(0, 255, (112, 112, 3)), (0, 0), 2)
    full, faint = (face_quality((face * c + 60).astype(np.uint8), 40, 0, 0) for c in (1.0, 0.5))
    assert faint.sharpness == pytest.approx(full.sharpness, abs=0.05)
    assert faint.exposure < full.exposure


def test_frontality_is_the_cosine_of_the_face_to_the_camera_squared():
    grey = np.full((112, 112, 3), 128, np.uint8)
    assert face_quality(grey, 40, 0, 0).frontality == 1
    assert face_quality(grey, 40, 60, 0).frontality == pytest.approx(0.25)
    assert face_quality(grey, 40, -45, 45).frontality == pytest.approx(0.25)


def test_overall_is_the_geometric_mean():
    assert Quality(0.5, 0.25, 1.0, 0.5).overall == pytest.approx(0.5)
    assert Quality(0.0, 1.0, 1.0, 1.0).overall == 0


@given(
    crop=arrays(np.uint8, (112, 112, 3), elements=st.sampled_from([0, 1, 128, 254, 255])),
    eye_distance=st.floats(0, 1e5),
    yaw=st.floats(-90, 90),
    pitch=st.floats(-90, 90),
)
def test_every_part_is_between_0_and_1(crop, eye_distance, yaw, pitch):
    quality = face_quality(crop, eye_distance, yaw, pitch)
    parts = (quality.size, quality.sharpness, quality.exposure, quality.frontality, quality.overall)
    assert all(0 <= part <= 1 for part in parts)
