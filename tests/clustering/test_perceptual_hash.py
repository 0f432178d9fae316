"""Hashes that stay nearly the same when a photo is saved again."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from faceray.clustering.perceptual_hash import distance, perceptual_hash
from tests.faces import astronaut, portrait, scenery

PHOTO = astronaut()


def bits(first: np.ndarray, second: np.ndarray) -> int:
    hashes = [np.array([perceptual_hash(p)], np.int64) for p in (first, second)]
    return int(distance(*hashes)[0])


def saved(quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(PHOTO).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


@pytest.mark.parametrize(
    "other",
    [
        saved(40),
        cv2.resize(PHOTO, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA),
        np.dstack([cv2.cvtColor(PHOTO, cv2.COLOR_RGB2GRAY)] * 3),
        np.clip(PHOTO * 0.8, 0, 255).astype(np.uint8),
        PHOTO[5:-5, 5:-5],
    ],
    ids=["compressed", "smaller", "grey", "darker", "a little cropped"],
)
def test_the_same_photo_saved_another_way_is_near(other: np.ndarray) -> None:
    assert bits(PHOTO, other) <= 6


def test_other_photos_and_the_mirrored_one_are_far() -> None:
    assert bits(PHOTO, portrait(200)) > 15
    assert bits(PHOTO, PHOTO[:, ::-1]) > 15


def test_a_picture_of_one_colour_has_no_hash() -> None:
    assert perceptual_hash(np.full((50, 80, 3), 200, np.uint8)) is None
    assert perceptual_hash(scenery()) is not None


def test_a_hash_is_an_int64_with_as_many_ones_as_zeros() -> None:
    found = perceptual_hash(PHOTO)
    assert found is not None
    assert -(2**63) <= found < 2**63
    assert found.bit_count() <= 64
    assert int(np.bitwise_count(np.array([found]).view(np.uint64))[0]) == 32
    assert distance(np.array([0, -1]), np.array([0, 0])).tolist() == [0, 64]
