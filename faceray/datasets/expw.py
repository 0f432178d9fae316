"""ExpW (Zhang et al., IJCV 2018): 91,793 faces in photos from the web, with one of seven emotions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faceray.datasets.emotions import FER2013_ORDER, emotion_numbered
from faceray.datasets.files import first_existing, read_lines, relative
from faceray.datasets.sample import Dropped, Sample


@dataclass(frozen=True)
class ExpwOptions:
    """min_confidence: of the detector that found the faces; None keeps all."""

    min_confidence: float | None = None


DEFAULT = ExpwOptions()


def read_expw(root: Path, options: ExpwOptions = DEFAULT) -> Iterator[Sample | Dropped]:
    """ExpW: `data/label/label.lst` beside `data/image/origin/` (`data/` may be left out). Yields in the list's order.

    A line is: image, number of the face in it, top, left, right, bottom, confidence, emotion (in FER2013's order).
    An image can hold several faces: `subject` is the image, so that a split keeps them together.

    Raises:
        UserError: the list or the images are absent.
    """
    labels = first_existing(root, "data/label/label.lst", "data/label/label.txt", "label/label.lst", "label.lst")
    images = first_existing(root, "data/image/origin", "image/origin", "origin")
    for line in read_lines(labels):
        if line.strip():
            yield _face(relative(images, root), line.split(), options)


def _face(folder: str, fields: list[str], options: ExpwOptions) -> Sample | Dropped:
    image = f"{folder}/{fields[0]}"
    emotion = emotion_numbered(FER2013_ORDER, fields[-1])
    try:
        top, left, right, bottom, confidence = map(float, fields[2:-1])
    except ValueError:
        return Dropped(image, "line is not a name and seven numbers")
    if emotion is None:
        return Dropped(image, "emotion is not from 0 to 6")
    if not (left < right and top < bottom):
        return Dropped(image, "empty box")
    if options.min_confidence is not None and confidence < options.min_confidence:
        return Dropped(image, f"confidence below {options.min_confidence:g}")
    return Sample(image=image, box=(left, top, right, bottom), emotion=emotion, subject=fields[0])
