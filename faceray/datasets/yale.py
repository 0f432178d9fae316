"""Yale Face Database (Belhumeur, Hespanha & Kriegman, PAMI 1997): 15 people under 11 conditions each."""

import re
from collections.abc import Iterator
from pathlib import Path

from faceray.datasets.files import relative
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError

NAME = re.compile(r"(subject\d\d)\.(\w+?)(?:\.\w+)?")
EMOTIONS = {"happy": "happiness", "sad": "sadness", "surprised": "surprise", "normal": "neutral"}
EYEGLASSES = {"glasses": True, "noglasses": False}  # some wear their own under the other conditions
OTHER_CONDITIONS = {"centerlight", "leftlight", "rightlight", "sleepy", "wink"}
CONDITIONS = {*EMOTIONS, *EYEGLASSES, *OTHER_CONDITIONS}


def read_yale(root: Path) -> Iterator[Sample | Dropped]:
    """Yale: files `subject01.happy`, with or without a suffix, in any folders below `root`, sorted by path.

    Two names of the original archive are mended: `subject01.gif` is centerlight, `subject01.glasses.gif` a duplicate.

    Raises:
        UserError: `root` is not a folder.
    """
    if not root.is_dir():
        raise UserError(f"{root} is not a folder")
    seen = set()
    for path in sorted(path for path in root.rglob("subject*") if path.is_file()):
        image = relative(path, root)
        match = NAME.fullmatch(path.name)
        condition = match and ("centerlight" if match[2] == "gif" else match[2])
        if match is None or condition not in CONDITIONS:
            yield Dropped(image, "name is not subject.condition")
        elif (match[1], condition) in seen:
            yield Dropped(image, "duplicate of a condition")
        else:
            seen.add((match[1], condition))
            yield _face(image, match[1], condition)


def _face(image: str, person: str, condition: str) -> Sample:
    attributes = {"eyeglasses": EYEGLASSES[condition]} if condition in EYEGLASSES else {}
    return Sample(image=image, emotion=EMOTIONS.get(condition), attributes=attributes, identity=person)
