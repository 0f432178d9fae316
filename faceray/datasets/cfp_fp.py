"""CFP (Sengupta et al., WACV 2016): celebrities from the front and in profile, with pairs in ten folds."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from faceray.datasets.files import read_lines
from faceray.datasets.pairs import Pairs
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError

FOLDS = 10


@dataclass(frozen=True)
class CfpOptions:
    """Which pairs: `FP`, frontal and profile, or `FF`, both frontal."""

    protocol: Literal["FP", "FF"] = "FP"


def read_cfp_fp(root: Path, options: CfpOptions = CfpOptions()) -> Iterator[Sample | Dropped]:
    """CFP: the images that `Protocol/Pair_list_F.txt` and `Pair_list_P.txt` name, in their order.

    `identity` is the person's folder, `attributes["profile"]` tells the two lists apart, and `pair_fold` is the fold,
    from 0, of the pairs that have the image; None where no pair has it.

    Raises:
        UserError: a file of the protocol is absent or damaged.
    """
    pairs = cfp_pairs(root, options)
    folds = dict(zip(pairs.first + pairs.second, [*pairs.fold.tolist()] * 2, strict=True))
    for letter in "FP":
        for image in _images(root, letter).values():
            person = PurePosixPath(image).parent.parent.name
            if not (root / image).is_file():
                yield Dropped(image, "no such file")
            else:
                yield Sample(
                    image=image, identity=person, attributes={"profile": letter == "P"}, pair_fold=folds.get(image)
                )


def cfp_pairs(root: Path, options: CfpOptions = CfpOptions()) -> Pairs:
    """The 7,000 pairs from `Protocol/Split/FP/01` to `10` (or `FF`): `same.txt`, then `diff.txt` of each fold.

    Raises:
        UserError: a file of the protocol is absent or damaged.
    """
    frontal = _images(root, "F")
    other = _images(root, "P") if options.protocol == "FP" else frontal
    first, second, same, folds = [], [], [], []
    for fold in range(FOLDS):
        for name in ("same", "diff"):
            path = root / "Protocol" / "Split" / options.protocol / f"{fold + 1:02d}" / f"{name}.txt"
            for number, line in _numbered_lines(path):
                left, _, right = (part.strip() for part in line.partition(","))
                if left not in frontal or right not in other:
                    raise UserError(f"{path}, line {number}: not the numbers of two images, separated by a comma")
                first.append(frontal[left])
                second.append(other[right])
                same.append(name == "same")
                folds.append(fold)
    return Pairs(tuple(first), tuple(second), np.array(same, np.bool_), np.array(folds, np.int64))


def _images(root: Path, letter: str) -> dict[str, str]:
    """Number in the list -> image below `root`; the list's paths start from the folder that it is in."""
    path = root / "Protocol" / f"Pair_list_{letter}.txt"
    images = {}
    for number, line in _numbered_lines(path):
        key, _, name = line.partition(" ")
        image = posixpath.normpath(posixpath.join("Protocol", name.strip()))
        if not name.strip() or image.startswith(("..", "/")):
            raise UserError(f"{path}, line {number}: not a number and the path of an image")
        images[key] = image
    return images


def _numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    return ((number, line.strip()) for number, line in enumerate(read_lines(path), start=1) if line.strip())
