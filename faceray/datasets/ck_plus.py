"""CK+ (Lucey et al., CVPRW 2010): people who act an emotion before the camera, from neutral to its peak."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faceray.datasets.emotions import CK_PLUS_ORDER, emotion_named, emotion_numbered
from faceray.datasets.files import first_existing, images_below, read_text, relative
from faceray.datasets.sample import Dropped, Sample

NAME = re.compile(r"(S\d+)_\d+_\d+")  # person, sequence, frame


@dataclass(frozen=True)
class CkPlusOptions:
    """Which frames of a sequence to take; CK+48 has taken its three already.

    Args:
        peak_frames: last frames that show the emotion. The label is for the last one only; three are usual.
        neutral_frames: first frames to take as neutral, also of sequences without a label.
    """

    peak_frames: int = 1
    neutral_frames: int = 0


DEFAULT = CkPlusOptions()


def read_ck_plus(root: Path, options: CkPlusOptions = DEFAULT) -> Iterator[Sample | Dropped]:
    """CK+: `cohn-kanade-images/S005/001/S005_001_00000011.png` with `Emotion/S005/001/…_emotion.txt`; or CK+48, where
    folders name emotions: `anger/S010_004_00000017.png`. Sorted by path.

    `identity` is the person: the frames of a sequence are near copies, so split by it. 327 of the 593 sequences have
    an emotion; every other frame is dropped with its reason.

    Raises:
        UserError: `root` is not a folder, or has sequences but no labels.
    """
    if (root / "cohn-kanade-images").is_dir():
        return _read_sequences(root, options)
    return _read_emotion_folders(root)


def _read_emotion_folders(root: Path) -> Iterator[Sample | Dropped]:
    for path in images_below(root):
        image, emotion, match = relative(path, root), emotion_named(path.parent.name), NAME.fullmatch(path.stem)
        if emotion is None or match is None:
            yield Dropped(image, "path is not emotion/person_sequence_frame")
        else:
            yield Sample(image=image, emotion=emotion, identity=match[1])


def _read_sequences(root: Path, options: CkPlusOptions) -> Iterator[Sample | Dropped]:
    labels = first_existing(root, "Emotion", "Emotion_labels/Emotion")
    sequences: dict[Path, list[Path]] = {}
    for path in images_below(root / "cohn-kanade-images"):
        sequences.setdefault(path.parent, []).append(path)
    for folder, frames in sequences.items():
        emotion = _emotion(labels / folder.relative_to(root / "cohn-kanade-images"))
        for index, path in enumerate(frames):
            yield _frame(relative(path, root), path.stem, _label(index, len(frames), emotion, options))


def _emotion(folder: Path) -> str | None:
    """The label in a sequence's folder of labels, a number such as `3.0000000e+00`; None where there is none."""
    path = next(iter(sorted(folder.glob("*_emotion.txt"))), None)
    if path is None:
        return None
    try:
        return emotion_numbered(CK_PLUS_ORDER, str(int(float(read_text(path)))))
    except (ValueError, OverflowError):
        return None


def _label(index: int, count: int, emotion: str | None, options: CkPlusOptions) -> str | None:
    if emotion is not None and index >= count - options.peak_frames:
        return emotion
    return "neutral" if index < options.neutral_frames else None


def _frame(image: str, name: str, emotion: str | None) -> Sample | Dropped:
    match = NAME.fullmatch(name)
    if match is None:
        return Dropped(image, "name is not person_sequence_frame")
    if emotion is None:
        return Dropped(image, "frame without a label")
    return Sample(image=image, emotion=emotion, identity=match[1])
