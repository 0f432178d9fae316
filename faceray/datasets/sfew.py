"""SFEW 2.0 (Dhall et al., ICMI 2015): frames of films with one of seven emotions."""

import re
from collections.abc import Iterator
from pathlib import Path

from faceray.datasets.emotions import emotion_named
from faceray.datasets.files import first_existing, images_below, relative
from faceray.datasets.sample import Dropped, Sample

SPLITS = {"train": "Train", "val": "Val", "test": "Test"}
NAME = re.compile(r"(.+?)_\d.*")


def read_sfew(root: Path) -> Iterator[Sample | Dropped]:
    """SFEW: `Train/Train_Aligned_Faces/<Emotion>/<Film>_<time>_<number>.png`, `Val` and `Test` likewise. Yields train,
    val, test, each sorted by path. Test images lie in one folder, without a label.

    The official splits share no film; `subject` is the film, for other splits.

    Raises:
        UserError: none of the folders is there.
    """
    folders = {split: f"{name}/{name}_Aligned_Faces" for split, name in SPLITS.items()}
    first_existing(root, *folders.values())
    for split, folder in folders.items():
        for path in images_below(root / folder) if (root / folder).exists() else ():
            yield _face(relative(path, root), path, split)


def _face(image: str, path: Path, split: str) -> Sample | Dropped:
    emotion = emotion_named(path.parent.name)
    if emotion is None and split != "test":
        return Dropped(image, "folder is not an emotion")
    match = NAME.fullmatch(path.stem)
    return Sample(image=image, emotion=emotion, subject=match[1] if match else None, split=split)
