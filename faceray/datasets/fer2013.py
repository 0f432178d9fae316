"""FER2013 (Goodfellow et al., ICONIP 2013): 35,887 grey faces of 48 x 48 pixels with one of seven emotions."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceray.datasets.emotions import FER2013_ORDER, emotion_named, emotion_numbered
from faceray.datasets.files import first_existing, images_below, relative
from faceray.datasets.sample import Dropped, Sample
from faceray.datasets.text import table_rows

SIZE = 48
SPLITS = {"Training": "train", "PublicTest": "val", "PrivateTest": "test", "train": "train", "test": "test"}
BLANK_JPEG = 400  # bytes; a face takes more


@dataclass(frozen=True)
class Fer2013Options:
    """drop_blank: drop the few images that show nothing: all pixels equal, or in folders a file below 400 bytes."""

    drop_blank: bool = True


DEFAULT = Fer2013Options()


def read_fer2013(root: Path, options: Fer2013Options = DEFAULT) -> Iterator[Sample | Dropped]:
    """FER2013 alone, in its own order of labels: 0 anger, 1 disgust, 2 fear, 3 happiness, 4 sadness, 5 surprise,
    6 neutral (FER+ has another one).

    Either `fer2013.csv`, whose images are yielded as PNG in `data`, in its order; or folders
    `<Training, PublicTest, PrivateTest, train or test>/<number or name of the emotion>/`, sorted by path.

    Raises:
        UserError: neither is there, or the table lacks a column.
    """
    if (root / "fer2013.csv").exists():
        return _read_table(root / "fer2013.csv", options)
    return _read_folders(root, options)


def _read_table(path: Path, options: Fer2013Options) -> Iterator[Sample | Dropped]:
    for index, row in enumerate(table_rows(path, ("emotion", "pixels", "Usage"))):
        image = f"{path.name}#{index}"
        pixels = parse_pixels(row["pixels"])
        emotion, split = emotion_numbered(FER2013_ORDER, row["emotion"]), SPLITS.get(row["Usage"])
        if pixels is None:
            yield Dropped(image, "not 48 x 48 pixels")
        elif emotion is None or split is None:
            yield Dropped(image, "unknown emotion or usage")
        elif options.drop_blank and pixels.min() == pixels.max():
            yield Dropped(image, "blank image")
        else:
            yield Sample(image=image, data=encode_png(pixels), emotion=emotion, split=split)


def _read_folders(root: Path, options: Fer2013Options) -> Iterator[Sample | Dropped]:
    first_existing(root, "fer2013.csv", *SPLITS)
    for folder, split in SPLITS.items():
        for path in images_below(root / folder) if (root / folder).exists() else ():
            image, label = relative(path, root), path.parent.name
            emotion = emotion_numbered(FER2013_ORDER, label) or emotion_named(label)
            if emotion is None:
                yield Dropped(image, "folder is not an emotion")
            elif options.drop_blank and path.stat().st_size < BLANK_JPEG:
                yield Dropped(image, "blank image")
            else:
                yield Sample(image=image, emotion=emotion, split=split)


def parse_pixels(text: str) -> NDArray[np.uint8] | None:
    """(48, 48) from the table's column of numbers, 0 to 255; None where it holds anything else."""
    try:
        return np.array(text.split(), np.uint8).reshape(SIZE, SIZE)
    except (ValueError, OverflowError):
        return None


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """A grey image as a PNG file, without loss."""
    return cv2.imencode(".png", pixels)[1].tobytes()
