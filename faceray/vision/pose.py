"""Head pose: yaw, pitch and roll out of the five landmarks."""

import numpy as np
from numpy.typing import NDArray

# The five landmarks on a mean head in units of the distance between the eyes: x to the viewer's right, y up, z to
# the viewer. The rigid shape that best explains MTCNN's landmarks on 1,200 photos of LFW under scaled orthography
# (alternating least squares, left-right symmetric); zero pitch is that of the 3-D landmarks of AFLW2000-3D.
HEAD = np.array(
    [[-0.5, 0.544, -0.067], [0.5, 0.544, -0.067], [0, 0.004, 0.389], [-0.441, -0.546, -0.127], [0.441, -0.546, -0.127]]
)
_FIT = np.linalg.pinv(HEAD - HEAD.mean(axis=0))  # (3, 5): landmarks -> least-squares affine camera


def head_pose(landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """Yaw, pitch and roll under scaled orthography.

    The affine camera that maps HEAD to the landmarks by least squares is rounded to the nearest rotation (its polar
    factor), as in POS: DeMenthon and Davis, "Model-based object pose in 25 lines of code", IJCV 1995. The rotation is
    taken apart as roll after pitch after yaw. So roll is the tilt of the face's midline in the picture, and turning
    the picture changes roll alone. Five points cannot tell a long face from one that looks up: expect errors of
    about 5 degrees, and too small a yaw beyond 45 degrees, where MTCNN's own landmarks lag behind.

    Args:
        landmarks: (..., 5, 2) in pixels, y down: left eye, right eye, nose, left and right mouth corner, as the
            viewer sees them.

    Returns:
        (..., 3) float32, degrees: yaw in [-90, 90], positive when the face turns to the viewer's right; pitch in
        [-90, 90], positive when it looks up; roll in [-180, 180], positive when tilted clockwise as the viewer sees
        it. Landmarks that are not finite, or all in one place, give 0, 0, 0.
    """
    points = np.asarray(landmarks, np.float64)
    points = np.where(np.isfinite(points).all(axis=(-2, -1), keepdims=True), points, 0)
    points = points / np.maximum(np.abs(points).max(axis=(-2, -1), keepdims=True), 1e-9)  # the sums cannot overflow
    points = (points - points.mean(axis=-2, keepdims=True)) * [1, -1]
    points = np.where(np.abs(points) > 1e-9, points, 0)  # all in one place, but for rounding errors
    u, _, v = np.linalg.svd(np.swapaxes(_FIT @ points, -2, -1), full_matrices=False)
    right, up = np.moveaxis(u @ v, -2, 0)
    back = np.cross(right, up)  # third row of the rotation; the first two are the picture's axes
    yaw = np.arctan2(-back[..., 0], back[..., 2])
    pitch = -np.arcsin(np.clip(back[..., 1], -1, 1))
    roll = np.arctan2(right[..., 1], up[..., 1])
    angles = np.degrees(np.stack([yaw, pitch, roll], axis=-1))
    limited: NDArray[np.float32] = np.clip(angles + 0.0, [-90, -90, -180], [90, 90, 180]).astype(np.float32)
    return limited
