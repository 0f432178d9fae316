"""Head pose: signs and symmetries on a drawn head, error on AFLW2000-3D photos."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceray.vision.pose import HEAD, head_pose

MIRROR = [1, 0, 2, 4, 3]
angles = st.floats(-60, 60)


def project(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Landmarks of HEAD after a turn about its vertical axis, a nod, and a tilt of the picture; 80 px between eyes."""
    y, p, r = np.radians([yaw, pitch, roll])
    turned = HEAD @ np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    nodded = turned @ np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    picture = nodded[:, :2] * [1, -1] @ np.array([[np.cos(r), np.sin(r)], [-np.sin(r), np.cos(r)]])
    return picture * 80 + [200, 150]


def test_the_signs_are_what_a_viewer_sees():
    frontal = project(0, 0, 0)
    right, up, clockwise = project(30, 0, 0) - frontal, project(0, 30, 0) - frontal, project(0, 0, 30) - frontal
    assert right[2, 0] > right[:2, 0].max()  # the nose moves to the right
    assert up[2, 1] < up[:2, 1].min()  # the nose moves up (y points down)
    assert clockwise[1, 1] > 0 > clockwise[0, 1]  # the right eye goes down
    np.testing.assert_allclose(head_pose(frontal), [0, 0, 0], atol=1e-4)
    np.testing.assert_allclose(head_pose(project(30, 0, 0)), [30, 0, 0], atol=1e-4)
    np.testing.assert_allclose(head_pose(project(0, 30, 0)), [0, 30, 0], atol=1e-4)
    np.testing.assert_allclose(head_pose(project(0, 0, 30)), [0, 0, 30], atol=1e-4)


@given(yaw=angles, pitch=angles, roll=st.floats(-179, 179))
def test_a_rigid_head_is_measured_exactly(yaw, pitch, roll):
    np.testing.assert_allclose(head_pose(project(yaw, pitch, roll)), [yaw, pitch, roll], atol=1e-3)


@given(yaw=angles, pitch=angles, roll=angles, noise=arrays(float, (5, 2), elements=st.floats(-4, 4)))
def test_a_mirrored_face_has_the_opposite_yaw_and_roll(yaw, pitch, roll, noise):
    face = project(yaw, pitch, roll) + noise
    mirrored = face[MIRROR] * [-1, 1] + [400, 0]
    np.testing.assert_allclose(head_pose(mirrored), head_pose(face) * [-1, 1, -1], atol=1e-3)


@given(yaw=angles, pitch=angles, turn=st.floats(-90, 90), noise=arrays(float, (5, 2), elements=st.floats(-4, 4)))
def test_turning_the_picture_changes_roll_alone(yaw, pitch, turn, noise):
    face = project(yaw, pitch, 0) + noise
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    difference = head_pose(face @ np.array([[c, s], [-s, c]])) - head_pose(face)
    difference[2] = (difference[2] - turn + 180) % 360 - 180
    np.testing.assert_allclose(difference, 0, atol=1e-2)


@given(landmarks=arrays(float, (5, 2), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_any_landmarks_give_finite_angles_in_range(landmarks):
    pose = head_pose(landmarks)
    assert np.isfinite(pose).all()
    assert (np.abs(pose) <= [90, 90, 180]).all()


def test_faces_are_independent_and_may_be_none():
    faces = np.stack(
        [project(20, 5, -3), np.full((5, 2), np.nan), np.tile([70.1, 33.3], (5, 1)), project(-40, 0, 100)]
    )
    np.testing.assert_array_equal(head_pose(faces), np.stack([head_pose(face) for face in faces]))
    np.testing.assert_array_equal(head_pose(faces)[1:3], 0)
    assert head_pose(np.zeros((0, 5, 2))).shape == (0, 3)


def test_error_on_aflw2000():
    """14 photos whose yaw reaches 71 degrees: too few for an error figure, enough to catch a wrong sign."""
    if "FACERAY_DATA" not in os.environ:
        pytest.skip("needs FACERAY_DATA, the folder of development data")
    io = pytest.importorskip("scipy.io")
    from facenet_pytorch import MTCNN

    detector = MTCNN(device="cpu", keep_all=True)
    errors = []
    for path in sorted(Path(os.environ["FACERAY_DATA"], "aflw2000_sample", "AFLW2000").glob("*.jpg")):
        truth = io.loadmat(path.with_suffix(".mat"))
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        landmarks = detector.detect(picture, landmarks=True)[2].astype(float)
        eyes = truth["pt3d_68"][:2, 36:48].mean(axis=1)
        nearest = np.linalg.norm(landmarks[:, :2].mean(axis=1) - eyes, axis=1).argmin()
        errors.append(np.abs(head_pose(landmarks[nearest]) - _aflw_angles(*truth["Pose_Para"][0, :3])))
    assert len(errors) >= 14
    assert (np.mean(errors, axis=0) < [7, 6, 4]).all()


def _aflw_angles(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """AFLW2000-3D's angles (roll first, yaw, pitch last; yaw to the viewer's left) as our yaw, pitch, roll."""
    (cx, cy, cz), (sx, sy, sz) = np.cos([pitch, yaw, roll]), np.sin([pitch, yaw, roll])
    about_x = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    about_z = np.array([[cz, sz, 0], [-sz, cz, 0], [0, 0, 1]])
    r = about_x @ about_y @ about_z
    return np.degrees([np.arctan2(-r[2, 0], r[2, 2]), -np.arcsin(r[2, 1]), np.arctan2(r[0, 1], r[1, 1])])
