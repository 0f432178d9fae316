"""A hash of what a photo shows: near-duplicates have nearly the same one."""

import cv2
import numpy as np
from numpy.typing import NDArray

BITS = 64
VERSION = "dct-1"  # hashes of another version are not comparable
_SIDE = 32  # pixels of the reduced photo
_FLAT = 2.0  # grey levels; a photo with less contrast shows nothing that could be compared


def perceptual_hash(pixels: NDArray[np.uint8]) -> int | None:
    """64 bits: which of the 8 x 8 lowest frequencies of the photo are stronger than their median (Zauner, 2010).

    The photo is reduced to 32 x 32 grey pixels and transformed by the discrete cosine transform. Frequencies of 0 in
    either direction are left out: they are brightness and gradients of light, alike in many photos.

    Args:
        pixels: uint8 (height, width, 3), RGB.

    Returns:
        An int64, the bits in two's complement; None for a picture of one colour.
    """
    reduced = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    if reduced.std() < _FLAT:
        return None
    frequencies = cv2.dct(reduced.astype(np.float32))[1:9, 1:9]
    bits = np.packbits(frequencies > np.median(frequencies))
    return int(bits.view(">i8")[0])


def distance(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.uint8]:
    """How many bits of the hashes differ: 0 to 64, in the shape that both broadcast to."""
    different: NDArray[np.uint8] = np.bitwise_count(first.view(np.uint64) ^ second.view(np.uint64))
    return different
