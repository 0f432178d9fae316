"""CelebA (Liu et al., ICCV 2015): 202,599 photos of 10,177 celebrities, with 40 attributes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from faceray.datasets.files import first_existing, read_lines, relative
from faceray.datasets.sample import Dropped, Sample
from faceray.errors import UserError
from faceray.results.schema import LANDMARKS

SPLITS = {0: "train", 1: "val", 2: "test"}
SAME_ATTRIBUTES = {"smile": "Smiling", "eyeglasses": "Eyeglasses", "mustache": "Mustache", "hat": "Wearing_Hat"}
NEEDED = {*SAME_ATTRIBUTES.values(), "Male", "No_Beard"}
FOLDERS = {
    "aligned": ("img_align_celeba", ".jpg"),
    "aligned_png": ("img_align_celeba_png", ".png"),
    "wild": ("img_celeba", ".jpg"),
}


@dataclass(frozen=True)
class CelebaOptions:
    """Which images to read: `aligned` or `aligned_png`, 178 x 218 pixels, or `wild`, the photos behind them."""

    images: Literal["aligned", "aligned_png", "wild"] = "aligned"


DEFAULT = CelebaOptions()


def read_celeba(root: Path, options: CelebaOptions = DEFAULT) -> Iterator[Sample | Dropped]:
    """CelebA, as published (`Anno/`, `Eval/`, `Img/`), all in one folder, or with tables as CSV. Yields in the order
    of `list_attr_celeba`.

    Identities, the official split, landmarks and (of `wild`) boxes are read where their files exist. `attributes` has
    the 40 under their own names and ours; beard is the contrary of No_Beard.

    Raises:
        UserError: the attributes or the images are absent, or a table is not as published.
    """
    folder, suffix = FOLDERS[options.images]
    images = first_existing(root, f"{folder}/{folder}", folder, f"Img/{folder}")
    wild = options.images == "wild"
    identities = _optional_table(root, "identity_CelebA", 1)
    partition = _optional_table(root, "list_eval_partition", 1)
    landmarks = _optional_table(root, "list_landmarks_celeba" if wild else "list_landmarks_align_celeba", 10)
    boxes = _optional_table(root, "list_bbox_celeba", 4) if wild else {}
    for name, attributes in _attributes(first_existing(root, *_places("list_attr_celeba"))):
        image = relative(images / Path(name).with_suffix(suffix), root)
        if attributes is None:
            yield Dropped(image, "row is not one integer for each attribute")
            continue
        yield Sample(
            image=image,
            box=_box(boxes.get(name)),
            landmarks=_landmarks(landmarks.get(name)),
            gender=int(attributes["Male"]),
            attributes=attributes | _our_attributes(attributes),
            identity=str(identities[name][0]) if name in identities else None,
            split=SPLITS.get(partition[name][0]) if name in partition else None,
        )


def _places(table: str) -> list[str]:
    return [f"{folder}{table}{suffix}" for suffix in (".txt", ".csv") for folder in ("", "Anno/", "Eval/")]


def _rows(path: Path) -> Iterator[list[str]]:
    """Fields of each line, however many spaces stand between them, or commas."""
    return (line.replace(",", " ").split() for line in read_lines(path) if line.strip())


def _attributes(path: Path) -> Iterator[tuple[str, dict[str, bool] | None]]:
    """Image name and its attributes by name; None in place of a row that cannot be read."""
    rows = _rows(path)
    names = next(rows, [])
    if len(names) == 1:  # the number of images; CSV has none
        names = next(rows, [])
    if names[:1] == ["image_id"]:
        names = names[1:]
    if lacking := NEEDED.difference(names):
        raise UserError(f"{path} has no attribute {', '.join(sorted(lacking))}")
    for name, *values in rows:
        try:
            # By number, not by text: one copy of the set writes ` 1`, another `1`.
            yield name, {key: int(value) > 0 for key, value in zip(names, values, strict=True)}
        except ValueError:
            yield name, None


def _our_attributes(attributes: dict[str, bool]) -> dict[str, bool]:
    ours = {name: attributes[theirs] for name, theirs in SAME_ATTRIBUTES.items()}
    return ours | {"beard": not attributes["No_Beard"]}


def _optional_table(root: Path, table: str, columns: int) -> dict[str, tuple[int, ...]]:
    """Image name -> integers; empty where the file is absent. Headers, which name no image, are skipped."""
    path = next((root / place for place in _places(table) if (root / place).exists()), None)
    if path is None:
        return {}
    try:
        rows = {name: tuple(map(int, values)) for name, *values in _rows(path) if "." in name}
    except ValueError as error:
        raise UserError(f"{path} has more than integers beside the names of images: {error}") from error
    if any(len(values) != columns for values in rows.values()):
        raise UserError(f"{path} must have {columns} integers beside the name of each image")
    return rows


def _box(values: tuple[int, ...] | None) -> tuple[float, float, float, float] | None:
    if values is None or values[2] <= 0 or values[3] <= 0:  # some are empty
        return None
    x, y, width, height = values
    return float(x), float(y), float(x + width), float(y + height)


def _landmarks(values: tuple[int, ...] | None) -> dict[str, tuple[float, float]] | None:
    if values is None:
        return None
    points = zip(values[0::2], values[1::2], strict=True)  # in the schema's order, left and right as the viewer sees
    return {name: (float(x), float(y)) for name, (x, y) in zip(LANDMARKS, points, strict=True)}
