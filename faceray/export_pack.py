"""The export-pack job: a pack in the formats that others read."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

from faceray.datasets.files import new_file
from faceray.datasets.image_lists import UNKNOWN
from faceray.datasets.lmdb_pack import Attribute, LmdbOptions, write_lmdb_pack
from faceray.datasets.pack import open_pack
from faceray.datasets.sample import Sample
from faceray.datasets.split import PARTS
from faceray.datasets.tfrecord_pack import TfrecordOptions, write_tfrecord_pack
from faceray.errors import UserError
from faceray.options import listed
from faceray.progress import Progress
from faceray.results.schema import BINARY_ATTRIBUTES, GENDERS, RACES

Named = Iterator[tuple[str, Sample]]
_COLUMNS = ["sample_id", "pictures", "age", "gender", "race", "emotion", *BINARY_ATTRIBUTES, "attributes", "identity"]
_BATCH = 256
_IN_LMDB: dict[str, Attribute] = {"race": "race", "gender": "gender", "age": "age", "identity": "recognition"}
_UNSAFE = re.compile(r"[/\\%\s\x00-\x1f]|^\.")  # in names of folders, and of people in lists


@dataclass(frozen=True)
class ExportPackOptions:
    """Write a pack in a format that others read, each of its parts by itself.

    `lmdb`: `PART.lmdb` of face_analysis_pytorch. `imagelist`: its lists, `PART.txt` with `path race gender age`, or
    `path person` for identities, beside the images. `folders`: `PART/NAME/`, a folder for each person or class.
    `tfrecord`: `PART.tfrecord` of Face-Attribute-Classification. `json`: its annotation `PART.json`, and the images.

    Args:
        pack: the pack. Of three pictures the first is taken.
        output: folder; nothing in it is replaced.
        format: one of these.
        attribute: what lmdb, imagelist and folders tell: race, gender, age, identity, or for folders emotion.
        attributes: what tfrecord and json tell, in this order, separated by commas; CelebA's own names too.
    """

    pack: str
    output: str
    format: Literal["lmdb", "imagelist", "folders", "tfrecord", "json"] = "lmdb"
    attribute: Literal["race", "gender", "age", "emotion", "identity"] = "identity"
    attributes: str = "eyeglasses,mustache,beard,hat"

    def __post_init__(self) -> None:
        if self.attribute == "emotion" and self.format != "folders":
            raise UserError(f"--attribute emotion is for --format folders, not {self.format}")
        if not listed(self.attributes):
            raise UserError("--attributes is empty")


def export_pack(options: ExportPackOptions) -> dict[str, Counter[str]]:
    """Write it. Returns for each part how many were `written`, and how many were left out for which reason.

    Raises:
        UserError: there is no complete pack, or a file of the output exists already or cannot be written.
    """
    rows = {part: int(open_pack(options.pack, part).count_rows()) for part in PARTS}
    write, counts, done = _WRITERS[options.format], {}, count(1)
    with Progress(sum(rows.values()), "export", "faces") as progress:
        for part in (part for part in PARTS if rows[part]):
            samples = _telling(_samples(options.pack, part), done, progress)
            try:
                counts[part] = write(Path(options.output) / part, samples, options)
            except OSError as error:
                raise UserError(f"cannot write {options.output}: {error}") from error
    return counts


def _telling(samples: Named, done: Iterator[int], progress: Progress) -> Named:
    for number, sample in zip(done, samples, strict=False):
        if number % _BATCH == 0:
            progress.show(number)
        yield sample


def _samples(pack: str, part: str) -> Named:
    """A name for the file, and the face as JPEG with its labels; in the order of the shards."""
    for batch in open_pack(pack, part).to_batches(columns=_COLUMNS, batch_size=_BATCH):
        for row in batch.to_pylist():
            yield f"{row['sample_id'] % 2**64:016x}", _sample(row, part)


def _sample(row: dict[str, Any], part: str) -> Sample:
    own = {name: row[name] for name in BINARY_ATTRIBUTES if row[name] is not None}
    plain = {name: row[name] for name in ("age", "gender", "race", "emotion", "identity")}
    attributes = dict(row["attributes"] or []) | own
    return Sample(image="", data=row["pictures"][0], attributes=attributes, split=part, **plain)


def _lmdb(path: Path, samples: Named, options: ExportPackOptions) -> Counter[str]:
    attribute = _IN_LMDB[options.attribute]
    return write_lmdb_pack(path.with_suffix(".lmdb"), (sample for _, sample in samples), LmdbOptions(attribute))


def _tfrecord(path: Path, samples: Named, options: ExportPackOptions) -> Counter[str]:
    attributes = TfrecordOptions(listed(options.attributes))
    return write_tfrecord_pack(path.with_suffix(".tfrecord"), (sample for _, sample in samples), attributes)


def _json(path: Path, samples: Named, options: ExportPackOptions) -> Counter[str]:
    def label(sample: Sample) -> list[str] | None:
        flags = [sample.attributes.get(name) for name in listed(options.attributes)]
        return None if None in flags else [str(int(bool(flag))) for flag in flags]

    labels, counts = _images(path, samples, label)
    with new_file(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(labels))
    return counts


def _imagelist(path: Path, samples: Named, options: ExportPackOptions) -> Counter[str]:
    def label(sample: Sample) -> str | None:
        told = _told(sample, options.attribute)
        if told is None or options.attribute == "identity":
            return told
        race = RACES.index(sample.race) if sample.race else UNKNOWN
        gender = UNKNOWN if sample.gender is None else sample.gender
        return f"{race} {gender} {UNKNOWN if sample.age is None else round(sample.age)}"

    labels, counts = _images(path, samples, label)
    with new_file(path.with_suffix(".txt")) as part:
        part.write_text("".join(f"{path.name}/{name}.jpg {told}\n" for name, told in labels.items()))
    return counts


def _folders(path: Path, samples: Named, options: ExportPackOptions) -> Counter[str]:
    return _images(path, samples, lambda sample: _told(sample, options.attribute), str)[1]


_WRITERS: dict[str, Callable[[Path, Named, ExportPackOptions], Counter[str]]] = {
    "lmdb": _lmdb,
    "imagelist": _imagelist,
    "folders": _folders,
    "tfrecord": _tfrecord,
    "json": _json,
}


def _told(sample: Sample, attribute: str) -> str | None:
    """The label in one word that can name a folder: a person's name loses spaces and slashes to `%20` and the like."""
    if attribute == "gender":
        return None if sample.gender is None else GENDERS[sample.gender]
    if attribute == "age":
        return None if sample.age is None else str(round(sample.age))
    told: str | None = getattr(sample, attribute)
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", told) if told else None


def _images(
    folder: Path, samples: Named, label: Callable[[Sample], Any], below: Callable[[Any], str] = lambda _: ""
) -> tuple[dict[str, Any], Counter[str]]:
    """Write the faces that have a label, in the folder that `below` names. The labels by the files' names."""
    if folder.exists():
        raise UserError(f"{folder} exists already")
    labels, counts = {}, Counter[str]()
    for name, sample in samples:
        told = label(sample)
        if told is None:
            counts["a label is missing"] += 1
            continue
        file = folder / below(told) / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(sample.data or b"")
        labels[name] = told
        counts["written"] += 1
    return labels, counts
