"""Photos in one folder for each person, the form of CASIA-WebFace, VGGFace2 and most collections of one's own."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from faceray.datasets.files import images_below
from faceray.datasets.sample import Dropped, Sample


@dataclass(frozen=True)
class IdentityFolderOptions:
    """min_images: people with fewer images are dropped."""

    min_images: int = 1


def read_identity_folders(
    root: Path, options: IdentityFolderOptions = IdentityFolderOptions()
) -> Iterator[Sample | Dropped]:
    """Images below `root`, sorted by path; `identity` is the name of the first folder on the way.

    Raises:
        UserError: `root` is not a folder.
    """
    paths = [path.relative_to(root) for path in images_below(root)]
    for person, images in groupby(paths, key=lambda path: path.parts[0] if len(path.parts) > 1 else None):
        names = [path.as_posix() for path in images]
        for name in names:
            if person is None:
                yield Dropped(name, "not in a folder of a person")
            elif len(names) < options.min_images:
                yield Dropped(name, f"the person has fewer than {options.min_images} images")
            else:
                yield Sample(image=name, identity=person)
