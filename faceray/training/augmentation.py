"""Augmentation: random changes of a face's pictures, the same for all crops of one face."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Augmentation:
    """How pictures are changed while training. Originals: 1 turns by 10 degrees, shifts by 0.1, zooms by 0.1, mirrors;
    2 mirrors; 3 erases, changes contrast and brightness, or turns by 15 degrees.

    Args:
        mirror: probability.
        turn: degrees, at most, either way. shift: at most, as a share of the side. zoom: at most, as a share.
        contrast, brightness: at most: a factor from 1 / (1 + c) to 1 + c, and ± so many of 255 levels.
        erase: probability that a rectangle of 6 to 10 % of the area becomes noise (Zhong et al., "Random erasing",
            AAAI 2020).
        grey: probability that the colours go.
    """

    mirror: float = 0.5
    turn: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    erase: float = 0.0
    grey: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.mirror, self.shift, self.erase, self.grey)
        if not all(0 <= x <= 1 for x in shares) or min(self.turn, self.zoom, self.contrast, self.brightness) < 0:
            raise ValueError("probabilities and shares are from 0 to 1, angles and amounts not negative")

    @property
    def moves(self) -> bool:
        """Whether anything else than mirroring moves the face."""
        return bool(self.turn or self.shift or self.zoom)


def augment(pictures: Pixels, options: Augmentation, random: np.random.Generator) -> tuple[Pixels, bool]:
    """Change the pictures of one face.

    Args:
        pictures: (crops, size, size, 3) uint8 RGB.

    Returns:
        Pictures of the same shape, and whether they are mirrored.
    """
    mirrored = bool(random.random() < options.mirror)
    if mirrored:
        pictures = pictures[:, :, ::-1]
    if options.moves:
        matrix = _motion(pictures.shape[1], options, random)
        pictures = np.stack([_move(picture, matrix) for picture in pictures])
    if options.contrast or options.brightness:
        factor = (1 + options.contrast) ** random.uniform(-1, 1)
        offset = random.uniform(-options.brightness, options.brightness)
        pictures = np.clip(factor * pictures.astype(np.float32) + offset, 0, 255).astype(np.uint8)
    if options.grey and random.random() < options.grey:
        grey = (pictures @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
        pictures = np.repeat(grey[..., None], 3, axis=3)
    if options.erase and random.random() < options.erase:
        pictures = _erase(pictures, random)
    return np.ascontiguousarray(pictures), mirrored


def _motion(size: int, options: Augmentation, random: np.random.Generator) -> NDArray[np.float64]:
    angle = random.uniform(-options.turn, options.turn)
    scale = (1 + options.zoom) ** random.uniform(-1, 1)
    centre = (size - 1) / 2
    matrix: NDArray[np.float64] = cv2.getRotationMatrix2D((centre, centre), angle, scale)
    matrix[:, 2] += random.uniform(-options.shift, options.shift, 2) * size
    return matrix


def _move(picture: Pixels, matrix: NDArray[np.float64]) -> Pixels:
    size = picture.shape[:2]
    moved = cv2.warpAffine(np.ascontiguousarray(picture), matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _erase(pictures: Pixels, random: np.random.Generator) -> Pixels:
    size = pictures.shape[1]
    area, aspect = random.uniform(0.06, 0.1) * size**2, math.exp(random.uniform(-math.log(2), math.log(2)))
    height, width = (min(size, max(1, round(side))) for side in (math.sqrt(area * aspect), math.sqrt(area / aspect)))
    top, left = random.integers(0, size - height + 1), random.integers(0, size - width + 1)
    erased = pictures.copy()
    noise = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    erased[:, top : top + height, left : left + width] = noise
    return erased
