"""WIDER FACE (Yang et al., CVPR 2016): photos of 61 kinds of events with every face in a box."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faceray.datasets.files import read_lines
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError

SPLITS = ("train", "val")
FIELDS = 10  # x, y, width, height, blur, expression, illumination, invalid, occlusion, pose


@dataclass(frozen=True)
class WiderFaceOptions:
    """min_size: faces whose box has a shorter side than this, in pixels, are dropped."""

    min_size: float = 1


def read_wider_face(root: Path, options: WiderFaceOptions = WiderFaceOptions()) -> Iterator[Sample | Dropped]:
    """WIDER FACE: `wider_face_split/wider_face_{train,val}_bbx_gt.txt` beside `WIDER_{train,val}/images/`.

    One sample for each face, in the files' order; the test part has no public labels. A photo without any face (its
    count is 0, and a line of zeros follows) is one sample with `is_face` False. Faces that the set calls invalid are
    dropped. `attributes` has `blur`, `heavy_blur`, `exaggerated_expression`, `extreme_illumination`, `occluded`,
    `heavily_occluded` and `atypical_pose`; `subject` is the photo.

    Raises:
        UserError: a list is absent, or is not of this form, with the number of the line.
    """
    for split in SPLITS:
        path = root / "wider_face_split" / f"wider_face_{split}_bbx_gt.txt"
        for name, faces in _photos(path):
            image = f"WIDER_{split}/images/{name}"
            if not (root / image).is_file():
                yield Dropped(image, "no such file")
            elif not faces:
                yield Sample(image=image, is_face=False, subject=image, split=split)
            else:
                yield from (_face(image, face, split, options) for face in faces)


def _photos(path: Path) -> Iterator[tuple[str, list[list[int]]]]:
    """Each photo's name and the ten numbers of each of its faces."""
    lines = "\n".join(read_lines(path)).rstrip().split("\n")
    position = 0
    while position < len(lines):
        name, faces = lines[position].strip(), []
        position += 1
        count = _integers(lines, position, 1, path)[0]
        if not 0 <= count < len(lines) - position:
            raise UserError(f"{path}, line {position + 1}: {count} faces announced")
        for line in range(position + 1, position + 1 + max(count, 1)):
            faces.append(_integers(lines, line, FIELDS, path))
        position += 1 + max(count, 1)
        yield name, faces if count else []


def _integers(lines: list[str], position: int, count: int, path: Path) -> list[int]:
    try:
        values = [int(value) for value in lines[position].split()]
        if len(values) == count:
            return values
    except (IndexError, ValueError):
        pass
    raise UserError(f"{path}, line {position + 1}: not {count} whole number{'s' * (count > 1)}")


def _face(image: str, face: list[int], split: str, options: WiderFaceOptions) -> Sample | Dropped:
    x, y, width, height, blur, expression, illumination, invalid, occlusion, pose = face
    if invalid:
        return Dropped(image, "a face that the set calls invalid")
    if min(width, height) < max(options.min_size, 1):
        return Dropped(image, f"a face of less than {max(options.min_size, 1):g} pixels")
    return Sample(
        image=image,
        box=(x, y, x + width, y + height),
        attributes={
            "blur": blur > 0,
            "heavy_blur": blur > 1,
            "exaggerated_expression": expression > 0,
            "extreme_illumination": illumination > 0,
            "occluded": occlusion > 0,
            "heavily_occluded": occlusion > 1,
            "atypical_pose": pose > 0,
        },
        subject=image,
        split=split,
    )
