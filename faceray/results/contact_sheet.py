"""Contact sheets: small pictures of a few faces, cut out of their images again."""

import base64
import io
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

OpenImage = Callable[[str], NDArray[np.uint8]]
Row = Mapping[str, Any]

_GREY = (128, 128, 128)
_DOT = (255, 214, 10)


@dataclass(frozen=True)
class Tile:
    """One place on a sheet: the picture as a data URI, or none and the reason in `note`."""

    uri: str
    caption: str
    picture: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """The last part of the URI, shortened in the middle."""
        return shorten(self.uri.rstrip("/").rsplit("/", 1)[-1])


def face_tile(
    rgb: NDArray[np.uint8],
    box: Sequence[float],
    landmarks: Sequence[float] | None = None,
    size: int = 112,
    margin: float = 0.25,
) -> bytes:
    """Cut one face out as a square JPEG; what lies outside the image is grey.

    Args:
        rgb: the upright image, (H, W, 3).
        box: x1, y1, x2, y2 in pixels; may lie partly outside.
        landmarks: x, y of the points to mark with a dot, pixels; None for none.
        size: side of the tile, pixels.
        margin: kept around the box, as a fraction of its longer side.

    Raises:
        ValueError: the box is not finite, empty, or nowhere near the image.
    """
    x1, y1, x2, y2 = (float(v) for v in box)
    height, width = rgb.shape[:2]
    if not (
        x1 < x2 < np.inf and y1 < y2 < np.inf and x2 > 0 and y2 > 0 and -width < x1 < width and -height < y1 < height
    ):
        raise ValueError("box outside the image")
    side = min(max(x2 - x1, y2 - y1) * (1 + 2 * margin), 2.0 * max(width, height))
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    tile = _square(rgb, round(left), round(top), max(round(side), 1)).resize((size, size), Image.Resampling.LANCZOS)
    if landmarks is not None:
        _dots(tile, (np.reshape(landmarks, (-1, 2)) - (left, top)) * size / side)
    jpeg = io.BytesIO()
    tile.save(jpeg, "JPEG", quality=85)
    return jpeg.getvalue()


def face_tiles(
    faces: Sequence[Row], caption: Callable[[Row], str], open_image: OpenImage, size: int = 112, dots: bool = False
) -> list[Tile]:
    """A tile for each row of the faces table, in its order; every image is opened once and let go.

    An image that cannot be opened or cut any more gives a tile with a note: no report fails for want of a picture.
    """
    places = defaultdict(list)
    for i, face in enumerate(faces):
        places[face["uri"]].append(i)
    tiles: dict[int, Tile] = {}
    for uri, indices in places.items():
        try:
            rgb = open_image(uri)
        except Exception as error:  # whatever a foreign file or a bucket can raise
            tiles |= {i: Tile(uri, caption(faces[i]), note=_note("not readable", error)) for i in indices}
        else:
            tiles |= {i: _tile(rgb, faces[i], caption(faces[i]), size, dots) for i in indices}
    return [tiles[i] for i in range(len(faces))]


def shorten(text: str, length: int = 48) -> str:
    """Text of at most `length` characters, what is too much taken out of its middle."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[-tail:]}"


def _tile(rgb: NDArray[np.uint8], face: Row, caption: str, size: int, dots: bool) -> Tile:
    box = [face[edge] for edge in ("x1", "y1", "x2", "y2")]
    try:
        jpeg = face_tile(rgb, box, face["landmarks"] if dots else None, size)
    except Exception as error:  # the image has changed since, or the row is damaged
        return Tile(face["uri"], caption, note=_note("cannot be cut out", error))
    return Tile(face["uri"], caption, "data:image/jpeg;base64," + base64.b64encode(jpeg).decode())


def _note(what: str, error: Exception) -> str:
    return shorten(f"{what}: {type(error).__name__}: {error}", 120)


def _square(rgb: NDArray[np.uint8], left: int, top: int, side: int) -> Image.Image:
    canvas = Image.new("RGB", (side, side), _GREY)
    inside = rgb[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    canvas.paste(Image.fromarray(inside), (max(-left, 0), max(-top, 0)))
    return canvas


def _dots(tile: Image.Image, points: NDArray[np.float64]) -> None:
    draw, radius = ImageDraw.Draw(tile), max(tile.width / 56, 1.5)
    for x, y in points.tolist():
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_DOT, outline=(0, 0, 0))
