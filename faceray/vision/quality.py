"""Face quality: how much a face's picture can be trusted, from its size, sharpness, light and pose."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

ARCFACE_EYES = 35.24  # pixels between the eyes of the aligned face: below, the crop is enlarged and holds no more
HALF_SHARP = 0.03  # photos of LFW lie around 0.042, the same blurred by 1 and 2 pixels around 0.020 and 0.007
CONTRAST = 60.0  # grey levels
SKIN = np.s_[24:104, 20:92]  # brows to chin of the aligned face: leaves out background and black borders


@dataclass(frozen=True)
class Quality:
    """Four parts, each from 0 (useless) to 1 (ideal)."""

    size: float
    sharpness: float
    exposure: float
    frontality: float

    @property
    def overall(self) -> float:
        """The geometric mean of the parts: one that is 0 makes the whole 0."""
        return float((self.size * self.sharpness * self.exposure * self.frontality) ** 0.25)


def face_quality(crop: NDArray[np.uint8], eye_distance: float, yaw: float, pitch: float) -> Quality:
    """Judge one face.

    size = d² / (d² + 35²), d the distance between the eyes.
    sharpness = v / (v + 0.03), v the variance of the Laplacian of the slightly smoothed (0.7 pixels, against noise)
        grey face over the variance of the face, so that contrast cancels. (Variance of the Laplacian: Pech-Pacheco et
        al., ICPR 2000.) A small face comes enlarged, hence blurred, out of the alignment.
    exposure = sqrt(4 m (1 - m)) (1 - exp(-s / 60)) (1 - c): m the mean brightness (0 to 1), s the grey levels between
        the 5th and the 95th percentile, c the share of pixels that are clipped (below 6 or above 249).
    frontality = cos² yaw cos² pitch, the squared cosine of the angle between the face and the line to the camera.

    Args:
        crop: (112, 112, 3) uint8 RGB, aligned to the `arcface` template.
        eye_distance: pixels of the picture that the face was found in.
        yaw, pitch: degrees.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[SKIN].astype(np.float32)
    return Quality(
        size=eye_distance**2 / (eye_distance**2 + ARCFACE_EYES**2),
        sharpness=_sharpness(grey),
        exposure=_exposure(grey),
        frontality=float(np.cos(np.radians(yaw)) ** 2 * np.cos(np.radians(pitch)) ** 2),
    )


def _sharpness(grey: NDArray[np.float32]) -> float:
    smooth = cv2.GaussianBlur(grey, (0, 0), 0.7)
    detail = cv2.Laplacian(smooth, cv2.CV_32F).var() / max(smooth.var(), 1)
    return float(detail / (detail + HALF_SHARP))


def _exposure(grey: NDArray[np.float32]) -> float:
    mean = grey.mean() / 255
    low, high = np.percentile(grey, [5, 95])
    clipped = np.mean((grey < 6) | (grey > 249))
    return float(np.sqrt(4 * mean * (1 - mean)) * (1 - np.exp((low - high) / CONTRAST)) * (1 - clipped))
