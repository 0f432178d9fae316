"""Faces shown to people: drawn into their picture, and as a plain text table."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from tabulate import tabulate

from faceray.results.schema import BINARY_ATTRIBUTES, LABELS

Row = Mapping[str, Any]
Box = tuple[float, float, float, float]

_COLOURS = ((255, 214, 10), (100, 210, 255), (255, 159, 150), (140, 235, 140), (225, 170, 255), (255, 176, 64))
_DARK = (20, 20, 20)
_LINE, _LETTER = 0.0025, 0.017  # thickness and height, of the picture's longer side


def draw_faces(rgb: NDArray[np.uint8], faces: Sequence[Row]) -> NDArray[np.uint8]:
    """Draw boxes, landmarks and labels (index, score, gender and age where known) into a copy of the picture.

    In place of gender and age come a face's own `texts`, a list of words, where it has these.

    Lines and letters grow with the picture. A label is shortened where there is no room for it, and stays inside.

    Args:
        rgb: the upright image, (H, W, 3).
        faces: rows of the faces table, boxes and landmarks in pixels of `rgb`.

    Returns:
        (H, W, 3) uint8.
    """
    picture = Image.fromarray(rgb)
    draw = ImageDraw.Draw(picture)
    letter = max(_LETTER * max(picture.size), 11)
    font = ImageFont.load_default(letter)
    colours = [_COLOURS[i % len(_COLOURS)] for i in range(len(faces))]
    boxes = [_inside(_box(face), picture.size) for face in faces]
    for face, box, colour in zip(faces, boxes, colours, strict=True):
        _outline(draw, face, box, colour, _LINE * max(picture.size))
    labels: list[Box] = []
    for i, (face, box, colour) in enumerate(zip(faces, boxes, colours, strict=True)):
        sizes = {text: (font.getlength(text) + 0.6 * letter, 1.35 * letter) for text in _texts(face, i)}
        text, place = _room(sizes, box, picture.size, labels, boxes[:i] + boxes[i + 1 :])
        draw.rectangle(place, fill=colour)
        draw.text(((place[0] + place[2]) / 2, (place[1] + place[3]) / 2), text, _DARK, font, anchor="mm")
        labels.append(place)
    return np.asarray(picture)


def faces_table(faces: Sequence[Row]) -> str:
    """The faces as a text table, one line each: only the columns that have a value in some row."""
    if not faces:
        return "no faces"
    rows = [_table_row(i, face) for i, face in enumerate(faces)]
    names = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    cells = [[row[name] for name in names] for row in rows]
    return tabulate(cells, headers=names, floatfmt=".2f", missingval="-")


def _table_row(i: int, face: Row) -> dict[str, Any]:
    box = " ".join(f"{face[edge]:.0f}" for edge in ("x1", "y1", "x2", "y2"))
    return {
        "face": face.get("face_index", i),
        "box (x1 y1 x2 y2)": box,
        "score": face.get("score"),
        **{angle: _rounded(face, angle) for angle in ("yaw", "pitch", "roll")},
        "quality": face.get("quality"),
        "age": _rounded(face, "age"),
        **{name: _with_probability(face, name) for name in LABELS},
        **{name: face.get(name) for name in BINARY_ATTRIBUTES},
    }


def _rounded(face: Row, name: str) -> int | None:
    value = face.get(name)
    return None if value is None else round(value)


def _with_probability(face: Row, name: str) -> str | None:
    label, probabilities = face.get(name), face.get(f"{name}_probabilities")
    return label if label is None or probabilities is None else f"{label} {max(probabilities):.2f}"


def _box(face: Row) -> Box:
    return face["x1"], face["y1"], face["x2"], face["y2"]


def _inside(box: Box, size: tuple[int, int]) -> Box:
    x1, y1, x2, y2 = box
    right, bottom = size[0] - 1, size[1] - 1
    return min(max(x1, 0), right), min(max(y1, 0), bottom), max(min(x2, right), 0), max(min(y2, bottom), 0)


def _outline(draw: ImageDraw.ImageDraw, face: Row, box: Box, colour: tuple[int, int, int], thickness: float) -> None:
    """Box and landmarks with a dark rim, so that they show on any background; thinner on small faces."""
    side = max(face["x2"] - face["x1"], face["y2"] - face["y1"])
    line = max(1, round(min(thickness, side / 25)))
    rim = max(1, line // 3)
    x1, y1, x2, y2 = box
    draw.rectangle((x1 - rim, y1 - rim, x2 + rim, y2 + rim), outline=_DARK, width=line + 2 * rim)
    draw.rectangle(box, outline=colour, width=line)
    landmarks = face.get("landmarks")
    for x, y in [] if landmarks is None else np.reshape(landmarks, (-1, 2)).tolist():
        draw.circle((x, y), max(side / 45, 1.5), fill=colour, outline=_DARK, width=rim if side > 60 else 0)


def _texts(face: Row, i: int) -> list[str]:
    """What a label can say, from all to the index alone. A face may bring its own `texts`."""
    index = str(face.get("face_index", i))
    with_score = f"{index}  {face['score']:.2f}" if face.get("score") is not None else index
    details = face.get("texts") or [face.get("gender"), None if face.get("age") is None else str(round(face["age"]))]
    known = [text for text in details if text]
    shorter = ["  ".join([with_score, *known[:count]]) for count in range(len(known), -1, -1)]
    return list(dict.fromkeys([*shorter, index]))


def _room(
    sizes: Mapping[str, tuple[float, float]],
    box: Box,
    picture: tuple[int, int],
    labels: Sequence[Box],
    others: Sequence[Box],
) -> tuple[str, Box]:
    """The longest text that finds room beside its box, clear of labels and faces, else of labels; and the place."""
    cores = [_shrunk(other) for other in others]
    for obstacles in ([*labels, *cores], labels):
        for text, size in sizes.items():
            for place in _places(size, box, picture):
                if not any(_overlap(place, other) for other in obstacles):
                    return text, place
    text, (width, height) = list(sizes.items())[-1]
    left, top = min(box[0], picture[0] - width), min(box[1], picture[1] - height)
    return text, (left, top, left + width, top + height)  # no room anywhere: the shortest, on its own face


def _places(size: tuple[float, float], box: Box, picture: tuple[int, int]) -> Iterator[Box]:
    """Above, below and beside the box, aligned with an edge of it, shifted along it into the picture."""
    (width, height), (x1, y1, x2, y2) = size, box
    lefts = [min(max(x, 0), picture[0] - width) for x in (x1, x2 - width)]
    tops = [min(max(y, 0), picture[1] - height) for y in (y1, y2 - height)]
    for x, y in [*product(lefts, (y1 - height, y2)), *product((x2, x1 - width), tops)]:
        if 0 <= x <= picture[0] - width and 0 <= y <= picture[1] - height:
            yield x, y, x + width, y + height


def _shrunk(box: Box) -> Box:
    """The middle of a box: a label may touch the margin of another face, not its eyes."""
    dx, dy = 0.15 * (box[2] - box[0]), 0.15 * (box[3] - box[1])
    return box[0] + dx, box[1] + dy, box[2] - dx, box[3] - dy


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
