"""Videos whose pictures tell their own time: made by the tests, with PyAV."""

from pathlib import Path

import av
import numpy as np

FPS = 10
SIZE = (96, 64)  # width, height
_LASTS = 20  # seconds, at most


def film(
    path: Path, seconds: float = 10, codec: str = "libx264", gop: int = 20, cut: float = 0, rotation: int = 0
) -> Path:
    """The right half grows brighter with time, the upper left is white, the lower left goes on or off at each cut.

    Args:
        gop: frames from one key frame to the next.
        cut: seconds from one cut to the next; 0 for none.
        rotation: degrees anticlockwise that it must be turned to be upright.
    """
    with av.open(str(path), "w", format="mpegts" if path.suffix == ".mts" else None) as container:
        stream = container.add_stream(codec, rate=FPS if codec != "mpeg1video" else 25)
        stream.width, stream.height = SIZE
        stream.pix_fmt, stream.gop_size = "yuv420p", gop
        stream.options = {"sc_threshold": "0"} if codec == "libx264" else {}
        if rotation:
            stream.set_display_rotation(rotation)
        rate = float(stream.average_rate or FPS)
        for index in range(round(seconds * rate)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index / rate, cut), "rgb24")))
        container.mux(stream.encode())
    return path


def picture(time: float, cut: float = 0) -> np.ndarray:
    """uint8 (64, 96, 3): what a film shows at a time, as long as nobody compresses it."""
    pixels = np.full((SIZE[1], SIZE[0], 3), round(time * 255 / _LASTS), np.uint8)
    pixels[: SIZE[1] // 2, : SIZE[0] // 2] = 255
    pixels[SIZE[1] // 2 :, : SIZE[0] // 2] = 255 if cut and int(time / cut + 1e-6) % 2 else 0
    return pixels


def time_in(pixels: np.ndarray) -> float:
    """Seconds that an upright picture tells; good to about a frame."""
    return float(pixels[:, SIZE[0] // 2 + 4 :].mean()) * _LASTS / 255
