"""LFW (Huang et al., 2007): photos of public figures in a folder each, and the pairs of View 2."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from faceray.datasets.files import first_existing, images_below, relative
from faceray.datasets.pairs import Pairs, read_pairs
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError

NAME = re.compile(r"(.+)_\d{4,}")
PHOTOS = ("lfw-deepfunneled", "lfw_funneled", "lfw")  # as the archives unpack


def read_lfw(root: Path) -> Iterator[Sample | Dropped]:
    """LFW: `Person/Person_0001.jpg` in `root`, or in the folder that its archives unpack to, sorted by path.

    `pair_fold` is the fold, from 0, in which `pairs.txt` has the person: no person is in two of them. It is None for
    people of no pair, and for all where there is no `pairs.txt`.

    Raises:
        UserError: `root` is not a folder, or the pairs are damaged, or put a person in two folds.
    """
    photos = _photos(root)
    folds = _folds(lfw_pairs(root)) if _pairs_file(root) else {}
    for path in images_below(photos):
        image, person = relative(path, root), path.parent.name
        match = NAME.fullmatch(path.stem)
        if match is None or match[1] != person or path.parent.parent != photos:
            yield Dropped(image, "not named Person/Person_number")
        else:
            yield Sample(image=image, identity=person, pair_fold=folds.get(person))


def lfw_pairs(root: Path) -> Pairs:
    """The 6,000 pairs of View 2 from `pairs.txt`, photos named as `read_lfw` names them.

    Raises:
        UserError: there is no `pairs.txt` in `root`, or it is damaged.
    """
    pairs = read_pairs(first_existing(root, "pairs.txt"))
    prefix = PurePosixPath(relative(_photos(root), root))
    return replace(
        pairs,
        first=tuple(str(prefix / photo) for photo in pairs.first),
        second=tuple(str(prefix / photo) for photo in pairs.second),
    )


def _photos(root: Path) -> Path:
    return next((root / name for name in PHOTOS if (root / name).is_dir()), root)


def _pairs_file(root: Path) -> bool:
    return (root / "pairs.txt").is_file()


def _folds(pairs: Pairs) -> dict[str, int]:
    folds: dict[str, int] = {}
    for photos in (pairs.first, pairs.second):
        for photo, fold in zip(photos, pairs.fold.tolist(), strict=True):
            person = PurePosixPath(photo).parent.name
            if folds.setdefault(person, fold) != fold:
                raise UserError(f"pairs.txt has {person} in fold {folds[person] + 1} and in fold {fold + 1}")
    return folds
