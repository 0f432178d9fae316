"""A pack in others' formats, read back by the readers of these."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from faceray.cli import parse
from faceray.datasets.identity_folders import read_identity_folders
from faceray.datasets.image_lists import read_image_list
from faceray.datasets.lmdb_pack import LmdbOptions, read_lmdb_pack
from faceray.datasets.pack import PACK, PackCard, label_row, write_card
from faceray.datasets.sample import Sample
from faceray.datasets.tfrecord_pack import TfrecordOptions, read_tfrecord_pack
from faceray.errors import UserError
from faceray.export_pack import ExportPackOptions, export_pack
from faceray.results.parts import write_part
from faceray.storage import Folder

ATTRIBUTES = {"eyeglasses": True, "mustache": False, "beard": False, "hat": True, "Bald": False}
SAMPLES = [
    Sample(image="a", age=23.6, gender=1, race="Asian", emotion="anger", identity="Ann B", attributes=ATTRIBUTES),
    Sample(image="b", age=71.0, gender=0, race="Other", identity="../Bea", attributes=ATTRIBUTES | {"hat": False}),
    Sample(image="c", gender=0, attributes={"eyeglasses": True}),
    Sample(image="d", is_face=False),
]
PARTS = ("train", "test", "train", "train")


@pytest.fixture
def pack(tmp_path: Path) -> str:
    """Three faces, one with fewer labels, and a negative example."""
    rows = [
        {"sample_id": i - 2, "image": s.image, "pictures": [b"JPEG%d" % i, b"inner"], **label_row(s, part)}
        for i, (s, part) in enumerate(zip(SAMPLES, PARTS, strict=True))
    ]
    folder = Folder.at(str(tmp_path / "pack"))
    write_part(folder / "shards", "shard-1.parquet", pa.Table.from_pylist(rows, schema=PACK))
    write_card(folder, PackCard("mine", "none", 4, {}, {}, {}, {}, {}, "0"))
    return str(tmp_path / "pack")


def exported(pack: str, **options: Any) -> tuple[Path, dict[str, dict[str, int]]]:
    output = Path(pack).with_name("out")
    counts = export_pack(ExportPackOptions(pack, str(output), **options))
    return output, {part: dict(count) for part, count in counts.items()}


@pytest.mark.parametrize(
    ("attribute", "train", "test"),
    [
        ("race", ["Asian"], ["Other"]),
        ("gender", [1, 0], [0]),
        ("age", [24.0], [71.0]),
        ("identity", ["0"], ["0"]),  # names are lost, as in the original
    ],
)
def test_lmdb(pack: str, attribute: Any, train: list[Any], test: list[Any]) -> None:
    output, counts = exported(pack, format="lmdb", attribute=attribute)
    name: Any = "recognition" if attribute == "identity" else attribute
    samples = list(read_lmdb_pack(output, LmdbOptions(name)))
    assert {part: [getattr(s, attribute) for s in samples if s.split == part] for part in ("train", "test")} == {
        "train": train,
        "test": test,
    }
    assert samples[0].data == b"JPEG1"
    assert counts["train"] == {"written": len(train), f"no {name}, or out of range": 3 - len(train)}
    assert counts["test"] == {"written": 1}


def test_tfrecord(pack: str) -> None:
    output, counts = exported(pack, format="tfrecord", attributes="hat, Bald")
    samples = {s.split: s for s in read_tfrecord_pack(output, TfrecordOptions(("hat", "Bald")))}
    assert samples["train"].attributes == {"hat": True, "Bald": False}
    assert samples["test"].attributes == {"hat": False, "Bald": False}
    assert samples["train"].data == b"JPEG0"
    assert counts == {"train": {"written": 1, "a label is missing": 2}, "test": {"written": 1}}


def test_json_has_words_for_numbers_as_the_original_s(pack: str) -> None:
    output, _ = exported(pack, format="json")
    annotation = json.loads((output / "train.json").read_text())
    assert annotation == {"fffffffffffffffe": ["1", "0", "0", "1"]}
    assert (output / "train" / "fffffffffffffffe.jpg").read_bytes() == b"JPEG0"


def test_lists_of_attributes_and_of_people(pack: str, tmp_path: Path) -> None:
    output, counts = exported(pack, format="imagelist", attribute="gender")
    samples = [(s.split, s.race, s.gender, s.age) for s in read_image_list(output)]
    assert samples == [("test", "Other", 0, 71), ("train", "Asian", 1, 24), ("train", None, 0, None)]
    assert counts["train"] == {"written": 2, "a label is missing": 1}
    people = tmp_path / "people"
    export_pack(ExportPackOptions(pack, str(people), "imagelist", "identity"))
    assert [s.identity for s in read_image_list(people)] == ["%2E.%2FBea", "Ann%20B"]


def test_folders_never_lie_elsewhere(pack: str) -> None:
    output, _ = exported(pack, format="folders", attribute="identity")
    files = sorted(str(path.relative_to(output)) for path in output.rglob("*.jpg"))
    assert files == ["test/%2E.%2FBea/ffffffffffffffff.jpg", "train/Ann%20B/fffffffffffffffe.jpg"]
    assert [s.identity for s in read_identity_folders(output / "train")] == ["Ann%20B"]


@pytest.mark.parametrize(
    ("attribute", "names"), [("emotion", {"anger"}), ("gender", {"male", "female"}), ("age", {"24"})]
)
def test_folders_of_classes(pack: str, attribute: Any, names: set[str]) -> None:
    output, _ = exported(pack, format="folders", attribute=attribute)
    assert {path.name for path in (output / "train").iterdir()} == names


@pytest.mark.parametrize("form", ["lmdb", "imagelist", "folders", "tfrecord", "json"])
def test_nothing_is_replaced(pack: str, form: Any) -> None:
    exported(pack, format=form)
    with pytest.raises(UserError, match="exists already"):
        exported(pack, format=form)


def test_options_from_the_command_line(pack: str) -> None:
    options = parse(ExportPackOptions, ["--pack", pack, "--output", "x", "--attribute", "age"], "export-pack")
    assert (options.format, options.attribute) == ("lmdb", "age")
    with pytest.raises(UserError, match="for --format folders"):
        ExportPackOptions(pack, "x", "lmdb", "emotion")
    with pytest.raises(UserError, match="not a complete pack"):
        export_pack(ExportPackOptions(pack + "s", "x"))
