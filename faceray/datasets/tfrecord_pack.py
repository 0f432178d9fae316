"""TFRecord packs of Face-Attribute-Classification: an encoded image and a label for each of a few attributes."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from faceray.datasets.files import new_file
from faceray.datasets.sample import Dropped, Sample
from faceray.datasets.split import part_named
from faceray.datasets.tfrecord import Feature, decode_example, encode_example, frame, read_records
from faceray.errors import UserError

IMAGE, LABEL = "image/encoded", "image/label"


@dataclass(frozen=True)
class TfrecordOptions:
    """attributes: what the labels stand for, in their order; the files do not say."""

    attributes: tuple[str, ...] = ("eyeglasses", "mustache", "beard", "hat")


def read_tfrecord_pack(root: Path, options: TfrecordOptions = TfrecordOptions()) -> Iterator[Sample | Dropped]:
    """The images of a `.tfrecord` file, or of all in a folder, sorted by name: `train.tfrecord#0`, `#1`, …

    Raises:
        UserError: no such file, a damaged one, or one with other features or another number of labels.
    """
    files = sorted(root.glob("*.tfrecord")) if root.is_dir() else [root]
    if not files:
        raise UserError(f"{root} has no .tfrecord files")
    for path in files:
        for i, record in enumerate(read_records(path)):
            yield _sample(record, f"{path.name}#{i}", path, options)


def write_tfrecord_pack(
    path: Path, samples: Iterable[Sample], options: TfrecordOptions = TfrecordOptions()
) -> Counter[str]:
    """Write samples that have `data` and all of the attributes to a new `.tfrecord` file, in their order.

    Returns:
        How many were `written`, and how many were left out for which reason.

    Raises:
        UserError: the file exists already, or cannot be written.
    """
    counts: Counter[str] = Counter()
    with new_file(path) as part, part.open("wb") as file:
        for sample in samples:
            labels = [sample.attributes.get(name) for name in options.attributes]
            if sample.data is None:
                counts["no encoded image"] += 1
            elif None in labels:
                counts["a label is missing"] += 1
            else:
                example: dict[str, Feature] = {IMAGE: [sample.data], LABEL: [int(bool(label)) for label in labels]}
                file.write(frame(encode_example(example)))
                counts["written"] += 1
    return counts


def _sample(record: bytes, name: str, path: Path, options: TfrecordOptions) -> Sample | Dropped:
    try:
        features = decode_example(record)
    except ValueError as error:
        raise UserError(f"{name} is not a tf.train.Example: {error}") from error
    image, labels = features.get(IMAGE), features.get(LABEL)
    if not image or not isinstance(image[0], bytes) or labels is None:
        raise UserError(f"{name} has no {IMAGE} or no {LABEL}")
    if len(labels) != len(options.attributes):
        raise UserError(f"{name} has {len(labels)} labels, not one for each of {', '.join(options.attributes)}")
    if any(label not in (0, 1) for label in labels):
        return Dropped(name, "a label that is neither 0 nor 1")
    attributes = {attribute: label == 1 for attribute, label in zip(options.attributes, labels, strict=True)}
    return Sample(image=name, data=image[0], attributes=attributes, split=part_named(path.stem))
