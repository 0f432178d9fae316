"""Alignment: from a face in a photo to the small, upright pictures that the networks look at."""

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from faceray.errors import UserError

Floats = NDArray[np.floating]
Pixels = NDArray[np.uint8]

# Where left eye, right eye, nose, left and right mouth corner belong, in pixels of a square of TEMPLATE_SIZES[name].
TEMPLATES: dict[str, NDArray[np.float64]] = {
    "arcface": np.array(
        [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
    ),
    # mean of MTCNN's landmarks in dlib's own chips over 2,840 photos of CelebA, enlarged: scripts/dlib_template.py
    "dlib": np.array([[46.64, 44.07], [102.36, 44.07], [74.5, 78.71], [49.62, 103.32], [99.38, 103.32]]),
}
TEMPLATE_SIZES = {"arcface": 112, "dlib": 150}
IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # the affine map that moves nothing
FAR = 2.0**24  # pixels: coordinates beyond are moved here, where a pixel more still counts
MAX_SAMPLES = 8  # per output pixel and axis: bounds the work for enormous faces and absurd landmarks


def similarity(source: Floats, target: Floats, weights: Floats | None = None) -> NDArray[np.float64]:
    """The least-squares similarity transform from `source` to `target`: rotation, one scale, shift, no reflection.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991. In the
    plane its solution is one complex division: with both sets centred, target = a * source.

    Args:
        source, target: (n, 2), n >= 2.
        weights: (n,), not negative; equal ones where None.

    Returns:
        (2, 3) float64, the matrix [sR | t] with target = sR source + t.

    Raises:
        ValueError: no such transform exists: a coordinate is not finite, or the points coincide.
    """
    w = np.ones(len(source)) if weights is None else np.asarray(weights, np.float64)
    with np.errstate(all="ignore"):
        w = w / w.sum()
        z = np.asarray(source, np.float64) @ [1, 1j]
        v = np.asarray(target, np.float64) @ [1, 1j]
        z_mean, v_mean = w @ z, w @ v
        spread = w @ np.abs(z - z_mean) ** 2
        a = (w * (z - z_mean).conj()) @ (v - v_mean) / spread
        t = v_mean - a * z_mean
        matrix = np.array([[a.real, -a.imag, t.real], [a.imag, a.real, t.imag]])
        in_one_place = np.sqrt(spread) <= 1e-9 * np.abs(z).max()  # all but rounding errors
    if in_one_place or not (np.isfinite(matrix).all() and abs(a) > 0):
        raise ValueError("landmarks without a similarity transform: not finite, or all in one place")
    return matrix


def transform(points: Floats, matrix: Floats) -> NDArray[np.float64]:
    """Points (n, 2) through an affine map (2, 3)."""
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def chained(first: Floats, second: Floats) -> NDArray[np.float64]:
    """The affine map (2, 3) that applies one after the other."""
    a, b = (np.vstack([matrix, [0, 0, 1]]).astype(np.float64) for matrix in (first, second))
    both: NDArray[np.float64] = (b @ a)[:2]
    return both


def turn(matrix: Floats) -> float:
    """By how many degrees an affine map turns a picture clockwise, -180 to 180."""
    return math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))


def template(name: str, size: int) -> NDArray[np.float64]:
    """The landmarks' places of `TEMPLATES[name]` in a square of `size` pixels: (5, 2). Pixel centres are integers."""
    return (TEMPLATES[name] + 0.5) * (size / TEMPLATE_SIZES[name]) - 0.5


def triple_box(box: Floats, landmarks: Floats) -> NDArray[np.float64]:
    """The outer, middle and inner box of C3AE (Zhang et al., CVPR 2019) around one face.

    Outer: the box grown by |width - height| on all sides. Middle: a square around the nose that reaches the box's
    top. Inner: a square around the nose, as wide as the box. A nose that is not finite is taken at the box's centre;
    no side is shorter than a pixel.

    Args:
        box: (4,), x1, y1, x2, y2 in pixels.
        landmarks: (5, 2), the third being the nose.

    Returns:
        (3, 4) float64: x1, y1, x2, y2 of each.
    """
    x1, y1, x2, y2 = np.asarray(box, np.float64)
    nose = np.asarray(landmarks, np.float64)[2]
    if not np.isfinite(nose).all():
        nose = np.array([x1 + x2, y1 + y2]) / 2
    grow = abs((x2 - x1) - (y2 - y1))
    nose = np.clip(nose, -FAR, FAR)
    middle, inner = max(nose[1] - y1, 0.5), max((x2 - x1) / 2, 0.5)
    return np.array(
        [
            [x1 - grow, y1 - grow, max(x2, x1 + 1) + grow, max(y2, y1 + 1) + grow],
            [*(nose - middle), *(nose + middle)],
            [*(nose - inner), *(nose + inner)],
        ]
    )


def warp(rgb: Pixels, matrix: Floats, size: int) -> Pixels:
    """Resample a picture through an affine map without aliasing. What lies outside the picture is black.

    Where the map shrinks, each output pixel is the mean of a grid of bilinear samples less than a source pixel
    apart, up to MAX_SAMPLES a side. (cv2.warpAffine alone takes one sample and skips the pixels in between.)

    Args:
        rgb: (h, w, 3) uint8.
        matrix: (2, 3), from picture to crop, pixel centres at integers.
        size: side of the crop.

    Returns:
        (size, size, 3) uint8.
    """
    with np.errstate(divide="ignore"):
        pitch = 1 / np.hypot(matrix[:, 0], matrix[:, 1])  # source pixels from one output pixel to the next
    nx, ny = np.clip(np.ceil(pitch - 0.01), 1, MAX_SAMPLES).astype(int).tolist()
    dense = np.array([[nx], [ny]]) * matrix
    dense[:, 2] += [(nx - 1) / 2, (ny - 1) / 2]
    sampled: Pixels = cv2.warpAffine(rgb, dense, (nx * size, ny * size), flags=cv2.INTER_LINEAR)
    return sampled if nx == ny == 1 else _shrink(sampled, size)


def _shrink(rgb: Pixels, size: int) -> Pixels:
    crop: Pixels = cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA)
    return crop


def _box_to_square(box: Floats, size: int) -> NDArray[np.float64]:
    """The (2, 3) map that stretches a box, given by its pixels' edges, over the whole crop."""
    x1, y1, x2, y2 = box
    sx, sy = size / (x2 - x1), size / (y2 - y1)
    return np.array([[sx, 0, sx * (0.5 - x1) - 0.5], [0, sy, sy * (0.5 - y1) - 0.5]])


def _square(box: Floats) -> NDArray[np.float64]:
    """The square around a box's centre with its longer side."""
    centre, half = (box[:2] + box[2:]) / 2, max(*(box[2:] - box[:2]), 1) / 2
    return np.array([*(centre - half), *(centre + half)])


@dataclass(frozen=True)
class Crop:
    """What a network wants to see of a face; part of its model card.

    `similarity`: the landmarks moved to a template, `size` pixels square.
    `margin`: the box grown on all sides by `margin` times its width and height, cut at the picture's edge, and
        stretched to a square. With margin m / (2 (size - m)) this is facenet-pytorch's `extract_face(margin=m)`.
    `triple_box`: three pictures, see `triple_box`, each stretched to a square.
    """

    kind: Literal["similarity", "margin", "triple_box"]
    size: int
    template: str = "arcface"
    margin: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ("similarity", "margin", "triple_box"):
            raise UserError(f"unknown kind of crop {self.kind!r}: similarity, margin or triple_box")
        if self.template not in TEMPLATES:
            raise UserError(f"unknown template {self.template!r}: one of {', '.join(TEMPLATES)}")
        if not (1 <= self.size <= 1024 and 0 <= self.margin <= 10):
            raise UserError(f"crop out of range: size {self.size} (1 to 1024), margin {self.margin} (0 to 10)")

    @property
    def count(self) -> int:
        """Pictures per face: 1, or 3 for `triple_box`."""
        return 3 if self.kind == "triple_box" else 1

    def cut(self, rgb: Pixels, box: Floats, landmarks: Floats) -> Pixels:
        """Cut one face out. Never raises for odd geometry, so that one bad face cannot stop its image.

        What lies outside the picture is black. Landmarks without a similarity transform fall back on the square
        around the box; a box that is not finite gives black pictures where it is needed.

        Args:
            rgb: (h, w, 3) uint8, the upright picture.
            box: (4,), x1, y1, x2, y2 in pixels.
            landmarks: (5, 2) in pixels.

        Returns:
            (count, size, size, 3) uint8.
        """
        height, width = rgb.shape[:2]
        matrices = self._matrices(width, height, box, landmarks)
        if np.isnan(matrices).any():
            return np.zeros((self.count, self.size, self.size, 3), np.uint8)
        if self.kind == "margin":
            x1, y1, x2, y2 = self._inside(width, height, box).astype(int).tolist()
            return _shrink(rgb[y1:y2, x1:x2], self.size)[None]
        return np.stack([warp(rgb, matrix, self.size) for matrix in matrices])

    def matrix(self, width: int, height: int, box: Floats, landmarks: Floats) -> NDArray[np.float64]:
        """The map from a picture of `width` and `height` to the first picture that `cut` makes of it.

        Args:
            box, landmarks: as for `cut`.

        Returns:
            (2, 3) float64, pixel centres at integers; with NaN in it where `cut` finds nothing to show.
        """
        first: NDArray[np.float64] = self._matrices(width, height, box, landmarks)[0]
        return first

    def _matrices(self, width: int, height: int, box: Floats, landmarks: Floats) -> NDArray[np.float64]:
        """(count, 2, 3), one map for each picture; with NaN in it where there is nothing to show."""
        if self.kind == "similarity":
            try:
                return similarity(landmarks, template(self.template, self.size))[None]
            except ValueError:
                pass
        if not np.isfinite(box).all():
            return np.full((self.count, 2, 3), np.nan)
        box = np.clip(np.asarray(box, np.float64), -FAR, FAR)
        if self.kind == "triple_box":
            boxes = triple_box(box, landmarks)
        else:
            boxes = (self._inside(width, height, box) if self.kind == "margin" else _square(box))[None]
        return np.stack([_box_to_square(b, self.size) for b in boxes])

    def _inside(self, width: int, height: int, box: Floats) -> NDArray[np.float64]:
        """The box with its margin, cut at the picture's edges: (4,), whole pixels; NaN where it lies outside."""
        box = np.clip(np.asarray(box, np.float64), -FAR, FAR)
        grow = self.margin * (box[2:] - box[:2])
        low, high = box[:2] - grow, box[2:] + grow
        if (low >= [width, height]).any() or (high <= 0).any():
            return np.full(4, np.nan)
        low, high = np.trunc(np.maximum(low, 0)), np.trunc(np.minimum(high, [width, height]))
        return np.concatenate([low, np.maximum(high, low + 1)])
