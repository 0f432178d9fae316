"""Drawn faces: on the right place, at any size, labels inside the picture."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceray.results.draw import draw_faces, faces_table

RGB = NDArray[np.uint8]


def face(x1: float, y1: float, x2: float, y2: float, **more: Any) -> dict[str, Any]:
    w, h = x2 - x1, y2 - y1
    points = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
    landmarks = [v for fx, fy in points for v in (x1 + fx * w, y1 + fy * h)]
    return {"face_index": 0, "x1": x1, "y1": y1, "x2": x2, "y2": y2, "score": 0.987, "landmarks": landmarks, **more}


def blank(width: int, height: int) -> RGB:
    return np.full((height, width, 3), 90, np.uint8)


def changed(rgb: RGB, faces: list[dict[str, Any]]) -> NDArray[np.bool_]:
    return np.asarray((draw_faces(rgb, faces) != rgb).any(2))


def test_without_faces_the_picture_is_as_it_was() -> None:
    assert not changed(blank(50, 40), []).any()


def test_box_and_landmarks_are_drawn_and_the_rest_is_left_alone() -> None:
    rgb = blank(400, 300)
    mask = changed(rgb, [face(100, 100, 200, 220)])
    assert mask[160, 100]
    assert mask[160, 200]
    assert mask[220, 150]
    assert mask[148, 130]  # the left eye
    assert not mask[190, 150]  # inside, between the points
    assert not mask[:, 260:].any()
    assert (rgb == 90).all()


@pytest.mark.parametrize("scale", [2, 5])
def test_line_width_and_letters_grow_with_the_picture(scale: int) -> None:
    small = changed(blank(800, 600), [face(200, 200, 300, 320, gender="female", age=31.4)])
    box = (200 * scale, 200 * scale, 300 * scale, 320 * scale)
    large = changed(blank(800 * scale, 600 * scale), [face(*box, gender="female", age=31.4)])
    assert large.mean() == pytest.approx(small.mean(), rel=0.25)


@given(
    st.integers(8, 300),
    st.integers(8, 300),
    st.lists(st.tuples(*[st.floats(-100, 400)] * 2, *[st.floats(0.5, 300)] * 2), max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_any_boxes_on_any_picture(width: int, height: int, boxes: list[tuple[float, float, float, float]]) -> None:
    faces = [face(x, y, x + w, y + h, face_index=i, gender="male", age=50.0) for i, (x, y, w, h) in enumerate(boxes)]
    drawn = draw_faces(blank(width, height), faces)
    assert drawn.shape == (height, width, 3)
    assert drawn.dtype == np.uint8


@pytest.mark.parametrize("corner", [(0, 0), (340, 0), (0, 230), (340, 230), (-20, -20), (370, 270)])
def test_a_label_is_whole_wherever_the_face_is(corner: tuple[int, int]) -> None:
    x, y = corner
    middle = changed(blank(400, 300), [face(150, 150, 210, 220, landmarks=None)])
    at_edge = changed(blank(400, 300), [face(x, y, x + 60, y + 70, landmarks=None)])
    inside_box = np.zeros_like(middle)
    inside_box[150 - 3 : 224, 150 - 3 : 214] = True
    label = (middle & ~inside_box).sum()
    inside_box[:] = False
    inside_box[max(y - 3, 0) : max(y + 74, 0), max(x - 3, 0) : max(x + 64, 0)] = True
    assert (at_edge & ~inside_box).sum() >= 0.9 * label


def test_labels_of_neighbours_do_not_hide_each_other() -> None:
    faces = [face(100 + 45 * i, 100, 140 + 45 * i, 150, face_index=i, landmarks=None) for i in range(5)]
    drawn = draw_faces(blank(600, 300), faces)
    areas = [(drawn == colour).all(2).sum() for colour in ((255, 214, 10), (100, 210, 255), (255, 159, 150))]
    alone = (draw_faces(blank(600, 300), faces[:1]) == (255, 214, 10)).all(2).sum()
    assert min(areas) > 0.3 * alone  # shortened perhaps, but there


def test_faces_table_has_only_columns_with_values() -> None:
    rows = [
        face(1, 2, 30.4, 40, yaw=-3.4, pitch=0.0, roll=1.0, quality=0.5, age=None, gender=None, smile=None),
        face(1, 2, 30, 40, face_index=1, age=41.6, gender="female", gender_probabilities=[0.913, 0.087], smile=0.25),
    ]
    head, _, first, second = faces_table(rows).splitlines()
    names = ["face", "box (x1 y1 x2 y2)", "score", "yaw", "pitch", "roll", "quality", "age", "gender", "smile"]
    assert [name for name in names if name in head] == names
    assert "emotion" not in head
    assert first.split() == ["0", "1", "2", "30", "40", "0.99", "-3", "0", "1", "0.50", "-", "-", "-"]
    assert second.split() == ["1", "1", "2", "30", "40", "0.99", "-", "-", "-", "-", "42", "female", "0.91", "0.25"]


def test_no_faces_is_said() -> None:
    assert faces_table([]) == "no faces"
