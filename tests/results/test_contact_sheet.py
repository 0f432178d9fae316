"""Contact sheets: right crops, and never an exception for want of a picture."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from faceray.results.contact_sheet import Tile, face_tile, face_tiles, shorten

GREY, RED, BLUE = (128, 128, 128), (220, 30, 30), (30, 30, 220)
RGB = NDArray[np.uint8]


def picture(width: int = 200, height: int = 100) -> RGB:
    """Blue, with a red box at (80, 40)-(120, 80)."""
    rgb = np.full((height, width, 3), BLUE, np.uint8)
    rgb[40:80, 80:120] = RED
    return rgb


def decoded(jpeg: bytes) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(np.int16)


def close(pixel: NDArray[np.int16], colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel - colour).max() < 25)


def test_the_box_fills_the_tile_but_for_the_margin() -> None:
    tile = decoded(face_tile(picture(), (80, 40, 120, 80), size=112, margin=0.25))
    edge = round(112 * 0.25 / 1.5)
    assert tile.shape == (112, 112, 3)
    assert close(tile[56, 56], RED)
    assert close(tile[edge + 4, edge + 4], RED)
    assert close(tile[edge - 4, edge - 4], BLUE)


def test_an_oblong_box_is_not_distorted() -> None:
    tile = decoded(face_tile(picture(), (90, 40, 110, 80), size=120, margin=0))
    assert close(tile[60, 5], RED)  # as much of the red to the left and right as above and below
    assert close(tile[5, 60], RED)


def test_outside_the_image_is_grey() -> None:
    tile = decoded(face_tile(picture(), (-40, -40, 40, 40), size=80, margin=0))
    assert close(tile[5, 5], GREY)
    assert close(tile[70, 70], BLUE)


def test_landmarks_are_marked_where_they_are() -> None:
    box = (80.0, 40.0, 120.0, 80.0)
    plain, marked = (decoded(face_tile(picture(), box, dots, 120, 0)) for dots in (None, [90.0, 70.0] * 5))
    changed = np.argwhere(np.abs(marked - plain).max(2) > 60)
    assert changed.mean(0) == pytest.approx([90, 30], abs=1)  # row, column


@given(st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 4), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_any_box_gives_a_tile_or_a_value_error(box: tuple[float, ...], width: int, height: int) -> None:
    rgb = np.zeros((height, width, 3), np.uint8)
    try:
        jpeg = face_tile(rgb, box)
    except ValueError:
        assert not (0 <= box[0] < box[2] <= width and 0 <= box[1] < box[3] <= height)
    else:
        assert decoded(jpeg).shape == (112, 112, 3)


@pytest.mark.parametrize(
    "box", [(float("nan"), 0, 9, 9), (0, 0, float("inf"), 9), (5, 5, 5, 9), (300, 10, 340, 50), (9, -50, 20, -10)]
)
def test_impossible_boxes_are_refused(box: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="box"):
        face_tile(picture(), box)


def face(uri: str, **more: Any) -> dict[str, Any]:
    box = {"x1": 80.0, "y1": 40.0, "x2": 120.0, "y2": 80.0}
    return {"uri": uri, **box, "landmarks": [100.0, 60.0] * 5, "quality": 0.5, **more}


def tiles_of(*faces: dict[str, Any]) -> tuple[list[Tile], list[str]]:
    opened = []

    def open_image(uri: str) -> RGB:
        opened.append(uri)
        if "gone" in uri:
            raise PermissionError("no such key")
        return picture()

    return face_tiles(faces, lambda row: f"quality {row['quality']}", open_image), opened


def test_tiles_keep_their_order_and_every_image_is_opened_once() -> None:
    tiles, opened = tiles_of(face("s3://b/1.jpg"), face("s3://b/2.jpg", quality=0.7), face("s3://b/1.jpg"))
    assert [(tile.name, tile.caption) for tile in tiles] == [
        ("1.jpg", "quality 0.5"),
        ("2.jpg", "quality 0.7"),
        ("1.jpg", "quality 0.5"),
    ]
    assert opened == ["s3://b/1.jpg", "s3://b/2.jpg"]
    head, data = tiles[0].picture.split(",")
    assert head == "data:image/jpeg;base64"
    assert close(decoded(base64.b64decode(data))[56, 56], RED)


def test_what_cannot_be_shown_has_a_note_instead() -> None:
    (gone, changed, good), _ = tiles_of(face("gone.jpg"), face("1.jpg", x1=900.0, x2=950.0), face("1.jpg"))
    assert (gone.picture, changed.picture) == ("", "")
    assert gone.note == "not readable: PermissionError: no such key"
    assert "box outside the image" in changed.note
    assert good.picture
    assert not good.note


@given(st.text(), st.integers(3, 60))
def test_shortened_text_keeps_its_ends(text: str, length: int) -> None:
    short = shorten(text, length)
    assert len(short) <= length
    assert short == text or (text.startswith(short.split("…")[0]) and "…" in short and text[-1] == short[-1])
