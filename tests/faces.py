"""Pictures with faces that need no data set: scikit-image's astronaut, whole and in compositions."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

Pixels = NDArray[np.uint8]


def astronaut() -> Pixels:
    """One face of about 90 pixels: uint8 (512, 512, 3)."""
    picture: Pixels = data.astronaut()
    return picture


def portrait(side: int = 160, mirrored: bool = False, brightness: float = 1.0) -> Pixels:
    """Her head, filling most of a square."""
    head = astronaut()[:240, 100:340]
    head = head[:, ::-1] if mirrored else head
    scaled = np.asarray(Image.fromarray(head).resize((side, side), Image.Resampling.LANCZOS))
    return np.clip(scaled * brightness, 0, 255).astype(np.uint8)


def group(*sides: int, height: int = 240) -> Pixels:
    """Portraits of these sides next to each other on grey, the second one mirrored, and so on."""
    picture = np.full((height, sum(sides) + 20 * (len(sides) + 1), 3), 128, np.uint8)
    left = 20
    for index, side in enumerate(sides):
        top = (height - side) // 2
        picture[top : top + side, left : left + side] = portrait(side, mirrored=index % 2 == 1)
        left += side + 20
    return picture


def scenery(height: int = 120, width: int = 180) -> Pixels:
    """A picture without a face."""
    y, x = np.mgrid[:height, :width]
    return np.dstack([120 + 60 * y / height, 150 + 40 * x / width, 90 + 0 * x]).astype(np.uint8)


def jpeg(picture: Pixels, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
