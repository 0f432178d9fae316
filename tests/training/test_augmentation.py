"""Augmentation: pictures keep their shape, all crops of a face change alike, the seed decides."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceray.training.augmentation import Augmentation, augment

OPTIONS = st.builds(
    Augmentation,
    mirror=st.floats(0, 1),
    turn=st.floats(0, 45),
    shift=st.floats(0, 0.5),
    zoom=st.floats(0, 1),
    contrast=st.floats(0, 1),
    brightness=st.floats(0, 100),
    erase=st.floats(0, 1),
    grey=st.floats(0, 1),
)
NOTHING = Augmentation(mirror=0)


def noise(crops: int = 1, size: int = 24, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (crops, size, size, 3), dtype=np.uint8)


def changed(pictures: NDArray[np.uint8], seed: int = 0, **options: float) -> NDArray[np.uint8]:
    return augment(pictures, Augmentation(**{"mirror": 0.0, **options}), np.random.default_rng(seed))[0]


@given(OPTIONS, st.integers(1, 3), st.integers(4, 40), st.integers(0, 1000))
def test_shape_and_type_stay_and_the_seed_decides(options: Augmentation, crops: int, size: int, seed: int) -> None:
    before = noise(crops, size)
    given = before.copy()
    pictures, mirrored = augment(given, options, np.random.default_rng(seed))
    assert (pictures.shape, pictures.dtype, type(mirrored)) == (before.shape, np.uint8, bool)
    assert pictures.flags.c_contiguous
    again, again_mirrored = augment(given, options, np.random.default_rng(seed))
    assert (pictures == again).all()
    assert mirrored == again_mirrored
    assert (given == before).all()  # what is kept for the next epoch is not written to


@given(OPTIONS, st.integers(0, 1000))
def test_all_crops_of_a_face_change_alike(options: Augmentation, seed: int) -> None:
    pictures, _ = augment(np.repeat(noise(), 3, axis=0), options, np.random.default_rng(seed))
    assert (pictures == pictures[:1]).all()


def test_nothing_is_done_where_nothing_is_asked() -> None:
    pictures, mirrored = augment(noise(), NOTHING, np.random.default_rng(0))
    assert (pictures == noise()).all()
    assert not mirrored


def test_mirroring() -> None:
    pictures, mirrored = augment(noise(2), Augmentation(mirror=1), np.random.default_rng(0))
    assert mirrored
    assert (pictures == noise(2)[:, :, ::-1]).all()
    half = [augment(noise(), Augmentation(mirror=0.3), np.random.default_rng(i))[1] for i in range(1000)]
    assert 0.25 < np.mean(half) < 0.35


def test_shifts_move_by_a_share_of_the_side_at_most() -> None:
    dot = np.zeros((1, 41, 41, 3), np.uint8)
    dot[0, 20, 20] = 255
    places = [np.unravel_index(changed(dot, i, shift=0.1)[0, :, :, 0].argmax(), (41, 41)) for i in range(50)]
    offsets = np.array(places) - 20
    assert np.abs(offsets).max() in (3, 4)
    assert (offsets.min(axis=0) < 0).all()
    assert (offsets.max(axis=0) > 0).all()


def test_turns_keep_the_middle_and_corners_stay_filled() -> None:
    flat = np.full((1, 32, 32, 3), 100, np.uint8)
    flat[0, 12:20, 12:20] = 200
    turned = changed(flat, turn=45.0)
    assert turned[0, 15, 15, 0] == 200
    assert turned.min() == 100  # borders are continued, not black


def test_zooms_go_both_ways() -> None:
    square = np.zeros((1, 40, 40, 3), np.uint8)
    square[0, 10:30, 10:30] = 255
    areas = np.array([(changed(square, i, zoom=0.5)[0, :, :, 0] > 127).sum() for i in range(40)])
    assert 400 / 1.6**2 < areas.min() < 350 < 450 < areas.max() < 400 * 1.6**2


def test_light_changes_within_bounds() -> None:
    grey = np.full((1, 4, 4, 3), 100, np.uint8)
    brighter = np.array([changed(grey, i, brightness=50)[0, 0, 0, 0] for i in range(60)], int)
    assert 50 <= brighter.min() < 75 < 125 < brighter.max() <= 150
    stronger = np.array([changed(grey, i, contrast=1)[0, 0, 0, 0] for i in range(60)], int)
    assert 50 <= stronger.min() < 75 < 150 < stronger.max() <= 200
    white = np.full((1, 4, 4, 3), 250, np.uint8)
    assert max(changed(white, i, brightness=50).max() for i in range(20)) == 255  # not 4: no overflow


def test_colours_go() -> None:
    grey = changed(noise(), grey=1)
    assert (grey == grey[..., :1]).all()
    red = np.zeros((1, 2, 2, 3), np.uint8)
    red[..., 0] = 200
    assert abs(int(changed(red, grey=1)[0, 0, 0, 0]) - 0.299 * 200) <= 1


def test_one_rectangle_of_6_to_10_percent_is_erased() -> None:
    flat = np.zeros((2, 100, 100, 3), np.uint8)
    for seed in range(20):
        gone = (changed(flat, seed, erase=1) > 0).any(axis=(0, 3))
        rows, columns = np.flatnonzero(gone.any(1)), np.flatnonzero(gone.any(0))
        area = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        assert 550 < area < 1050
        assert gone.sum() > 0.98 * area


@pytest.mark.parametrize("field", [field.name for field in fields(Augmentation)])
def test_amounts_that_make_no_sense_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match="not negative"):
        Augmentation(**{field: -0.1})
    if field in ("mirror", "shift", "erase", "grey"):
        with pytest.raises(ValueError, match="from 0 to 1"):
            Augmentation(**{field: 1.1})


def test_what_moves_the_face() -> None:
    assert not Augmentation(contrast=1, brightness=50, erase=1, grey=1).moves
    assert all(Augmentation(**{name: 0.1}).moves for name in ("turn", "shift", "zoom"))
