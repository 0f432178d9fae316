"""LMDB packs of face_analysis_pytorch: under each key an encoded image and one number, as MessagePack."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import lmdb
import msgpack

from faceray.datasets.files import new_file
from faceray.datasets.lmdb_file import entries
from faceray.datasets.sample import Dropped, Sample
from faceray.datasets.split import part_named
from faceray.errors import UserError
from faceray.results.schema import GENDERS, RACES

Attribute = Literal["race", "gender", "age", "recognition"]

YOUNGEST, OLDEST = 0, 100  # years that the original's networks know
_BATCH = 1000  # entries in a transaction
_LZ4 = b"\x04\x22\x4d\x18"


@dataclass(frozen=True)
class LmdbOptions:
    """attribute: what the number stands for; the files do not say. `recognition`: whose face it is."""

    attribute: Attribute = "recognition"


def read_lmdb_pack(root: Path, options: LmdbOptions = LmdbOptions()) -> Iterator[Sample | Dropped]:
    """The images of a `.lmdb` file, or of all in a folder, sorted by name; in the order of the keys' bytes.

    `race_val.lmdb#0`, `#1`, `#10`, … Race is 0 to 4 in the order of the faces table, gender 0 female and 1 male, age
    in whole years. The part is what the file's name ends in, if that is train, val or test.

    Raises:
        UserError: no such file, a damaged one, or one with other values or fewer entries than it announces.
    """
    for path in _files(root):
        data, found, announced = path / "data.mdb" if path.is_dir() else path, 0, None
        for key, value in entries(data):
            name = f"{path.name}#{key.decode('ascii', 'replace')[:40]}"
            if key == b"__len__":
                announced = _unpack(value, name)
            elif not key.startswith(b"__"):
                found += 1
                yield _sample(value, name, options.attribute, part_named(path.stem))
        if announced != found:
            raise UserError(f"{path} announces {announced} images and has {found}")


def write_lmdb_pack(path: Path, samples: Iterable[Sample], options: LmdbOptions = LmdbOptions()) -> Counter[str]:
    """Write samples that have `data` and the attribute to a new `.lmdb` file, which the original's loader reads.

    Keys are `0`, `1`, … in the order of the samples. People are numbered in the order in which they first appear;
    their names are lost, as in the original.

    Returns:
        How many were `written`, and how many were left out for which reason.

    Raises:
        UserError: the file exists already, or cannot be written.
    """
    counts: Counter[str] = Counter()
    people: dict[str, int] = {}
    highest = -1
    values = _values(samples, options.attribute, people, counts)
    with new_file(path) as part:
        try:
            with lmdb.open(str(part), subdir=False, lock=False, map_size=1 << 30, sync=False) as database:
                while batch := list(islice(values, _BATCH)):
                    first = counts["written"]
                    _put(database, [(_key(first + i), msgpack.packb(value)) for i, value in enumerate(batch)])
                    counts["written"] += len(batch)
                    highest = max(highest, *(label for _, label in batch))
                classes = highest if options.attribute == "age" else highest + 1  # an age is a sum of as many bits
                keys = [_key(i) for i in range(counts["written"])]
                meta = {b"__keys__": keys, b"__len__": len(keys), b"__classnum__": max(classes, 0)}
                _put(database, [(key, msgpack.packb(value)) for key, value in meta.items()])
                database.sync(True)
        except lmdb.Error as error:
            raise UserError(f"cannot write {path}: {error}") from error
    return counts


def _files(root: Path) -> list[Path]:
    folder = root.is_dir() and not (root / "data.mdb").is_file()
    files = sorted(root.glob("*.lmdb")) if folder else [root]
    if not files:
        raise UserError(f"{root} has no .lmdb files")
    return files


def _unpack(value: bytes, name: str) -> Any:
    """The value, all strings as bytes: older writers did not tell text from bytes."""
    if value.startswith(_LZ4):
        raise UserError(f"{name} is in the format of pyarrow.serialize, which is gone: write the LMDB again")
    try:
        return msgpack.unpackb(value, raw=True)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise UserError(f"{name} is not MessagePack: {error}") from error


def _sample(value: bytes, name: str, attribute: Attribute, part: str | None) -> Sample | Dropped:
    match _unpack(value, name):
        case [bytes() as image, int() as label, *_]:
            found = _labelled(name, image, label, attribute)
            return replace(found, split=part) if isinstance(found, Sample) else found
        case _:
            raise UserError(f"{name} is not an image and a number")


def _labelled(name: str, image: bytes, label: int, attribute: Attribute) -> Sample | Dropped:
    if not image:
        return Dropped(name, "no encoded image")
    if attribute == "race" and 0 <= label < len(RACES):
        return Sample(image=name, data=image, race=RACES[label])
    if attribute == "gender" and 0 <= label < len(GENDERS):
        return Sample(image=name, data=image, gender=label)
    if attribute == "age" and YOUNGEST <= label <= OLDEST:
        return Sample(image=name, data=image, age=float(label))
    if attribute == "recognition" and label >= 0:
        return Sample(image=name, data=image, identity=str(label))
    return Dropped(name, f"{attribute} out of range")


def _values(
    samples: Iterable[Sample], attribute: Attribute, people: dict[str, int], counts: Counter[str]
) -> Iterator[tuple[bytes, int]]:
    for sample in samples:
        label = _label(sample, attribute, people)
        if sample.data is None:
            counts["no encoded image"] += 1
        elif label is None:
            counts[f"no {attribute}, or out of range"] += 1
        else:
            yield sample.data, label


def _label(sample: Sample, attribute: Attribute, people: dict[str, int]) -> int | None:
    if attribute == "race":
        return RACES.index(sample.race) if sample.race else None
    if attribute == "gender":
        return sample.gender
    if attribute == "age":
        return round(sample.age) if sample.age is not None and YOUNGEST <= round(sample.age) <= OLDEST else None
    return people.setdefault(sample.identity, len(people)) if sample.identity and sample.data else None


def _put(database: Any, pairs: list[tuple[bytes, bytes]]) -> None:
    """Write entries in one transaction; a file that is full grows."""
    while True:
        try:
            with database.begin(write=True) as transaction:
                for key, value in pairs:
                    transaction.put(key, value)
            return
        except lmdb.MapFullError:
            database.set_mapsize(2 * database.info()["map_size"])


def _key(number: int) -> bytes:
    return str(number).encode("ascii")
