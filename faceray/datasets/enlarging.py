"""Small pictures made larger, and framed in black, before the detector looks at them."""

from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa

from faceray.corpus.status import Status
from faceray.errors import UserError
from faceray.vision.align import Pixels

FRAME = pa.field("frame", pa.list_(pa.float64()))  # (2, 3) by rows: from the source image to the enlarged picture


@dataclass(frozen=True)
class Enlarge:
    """What is done to a picture before detection: the detector misses faces that fill a small image to its edges.

    Args:
        side: pictures whose shorter side has fewer pixels are scaled up to it (bicubic); 0 leaves them.
        border: width of a black frame, as a share of the shorter side.
    """

    side: int = 0
    border: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.side <= 1024 and 0 <= self.border <= 1):
            raise UserError(f"enlarge out of range: side {self.side} (0 to 1024), border {self.border} (0 to 1)")

    def __bool__(self) -> bool:
        return bool(self.side or self.border)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Rows of LOADED become rows of LOADED with the column FRAME; width and height are the larger picture's."""
        cv2.setNumThreads(1)
        rows = batch.drop_columns("pixels").to_pylist()
        for row, pixels in zip(rows, batch["pixels"], strict=True):
            if row["status"] == Status.OK:
                rgb = np.frombuffer(pixels.as_buffer(), np.uint8).reshape(row["height"], row["width"], 3)
                larger, frame = enlarge(rgb, self)
                height, width, _ = larger.shape
                row |= {"pixels": larger.tobytes(), "width": width, "height": height, "frame": frame.ravel().tolist()}
        return pa.Table.from_pylist(rows, schema=batch.schema.append(FRAME))


def enlarge(rgb: Pixels, how: Enlarge) -> tuple[Pixels, np.ndarray]:
    """The larger picture, uint8 (h, w, 3), and the (2, 3) map to it, pixel centres at integers."""
    height, width = rgb.shape[:2]
    scale = max(1.0, how.side / min(height, width))
    size = round(width * scale), round(height * scale)
    if size != (width, height):
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC)
    border = round(how.border * min(size))
    x, y = size[0] / width, size[1] / height
    frame = np.array([[x, 0, x / 2 - 0.5 + border], [0, y, y / 2 - 0.5 + border]])
    return cv2.copyMakeBorder(rgb, border, border, border, border, cv2.BORDER_CONSTANT), frame
