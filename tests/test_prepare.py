"""From a labelled set to a pack, on a real local Ray."""

import json
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch
from PIL import Image

from faceray import cli, commands, pipeline
from faceray.datasets.pack import open_pack
from faceray.errors import UserError
from faceray.export_pack import ExportPackOptions, export_pack
from faceray.options import Workers
from faceray.prepare import prepare
from faceray.prepare_options import PrepareOptions
from faceray.results.schema import LANDMARKS
from faceray.vision.align import Crop
from faceray.vision.boxes import iou
from tests.corpora import write
from tests.faces import group, jpeg, portrait, scenery
from tests.inference.poison import PoisonedLoad
from tests.inference.poisoned_detect import PoisonedDetect

pytestmark = pytest.mark.timeout(600)  # a busy machine takes a minute to start Ray


def utkface(folder: Path, count: int) -> None:
    """The set's layout: age, gender (0 is male), race and date in the name; every fifth file is no photo of a face."""
    for i in range(count):
        picture = scenery(100, 100) if i % 5 == 4 else portrait(100 + i, mirrored=i % 2 == 1)
        write(folder / f"{20 + i}_{i % 2}_{i % 5}_2017{i:013}.jpg.chip.jpg", jpeg(picture))
    write(folder / "61_1_20170109142408075.jpg.chip.jpg", jpeg(portrait(100)))


def test_a_pack_has_aligned_faces_labels_and_a_card_that_adds_up(tmp_path: Path, ray_address: str) -> None:
    utkface(tmp_path / "set", 20)
    workers = Workers(fetch=1, detect=1, recognise=1)
    options = PrepareOptions("utkface", f"{tmp_path}/set", f"{tmp_path}/pack", workers=workers, address=ray_address)
    card = prepare(options)
    assert card.samples == 16
    assert card.dropped == {"no face detected": 4, "race or gender is missing in the name": 1}
    assert sum(card.parts.values()) == 16
    assert "research" in card.licence

    rows = open_pack(options.output).to_table().to_pylist()
    assert len(rows) == 16
    for row in rows:
        age, gender, _, _ = row["image"].split("_")
        assert row["age"] == int(age)
        assert row["gender"] == 1 - int(gender)
        assert row["race"] is not None
        assert row["emotion"] is None
        (picture,) = row["pictures"]
        assert np.asarray(Image.open(BytesIO(picture))).shape == (112, 112, 3)
    assert Counter(row["part"] for row in rows) == card.parts
    stored = json.loads((tmp_path / "pack" / "card.json").read_text())
    assert sum(n for part in stored["histograms"]["gender"].values() for n in part.values()) == 16
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == ["card.json", "shards"]


def test_a_picture_that_kills_the_process_is_dropped_alone(
    tmp_path: Path, ray_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["load-dies.jpg", "detect-dies.jpg", "one.jpg", "two.jpg"]
    for name in names:
        write(tmp_path / "set" / name, jpeg(portrait(100)))
    rows = [{"image": name, "age": 30.0} for name in names]
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "set" / "table.parquet")
    monkeypatch.setattr(pipeline, "Load", PoisonedLoad)
    monkeypatch.setattr(pipeline, "Detect", PoisonedDetect)
    workers = Workers(fetch=1, detect=1, recognise=1)
    options = PrepareOptions("own_table", f"{tmp_path}/set", f"{tmp_path}/pack", workers=workers, address=ray_address)
    card = prepare(options)
    assert card.dropped == {"crashed": 2}
    assert {row["image"] for row in open_pack(options.output).to_table().to_pylist()} == {"one.jpg", "two.jpg"}


def test_regions_on_and_off_the_faces_of_photos_with_several(tmp_path: Path, ray_address: str) -> None:
    write(tmp_path / "set" / "group.jpg", jpeg(group(120, 90)))
    faces = [(45, 35, 110, 120), (180, 85, 230, 155)]
    landmarks = {name: [60 + 8 * i, 60 + 8 * i] for i, name in enumerate(LANDMARKS)}
    rows = [{"image": "group.jpg", "box": [*map(float, box)], "gender": i} for i, box in enumerate(faces)]
    rows[0]["landmarks"] = landmarks
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "set" / "table.parquet")
    options = PrepareOptions(
        "own_table",
        f"{tmp_path}/set",
        f"{tmp_path}/pack",
        faces="regions",
        crop=Crop("margin", 64),
        workers=Workers(fetch=1, detect=1, recognise=1),
        address=ray_address,
    )
    card = prepare(options)
    assert card.samples + sum(card.dropped.values()) == 2 * 24
    assert card.dropped["region of another face in the image"] > 0
    kept = open_pack(options.output).to_table().to_pylist()
    assert len({row["sample_id"] for row in kept}) == len(kept) == card.samples
    on = [row for row in kept if row["is_face"]]
    assert {row["gender"] for row in on} == {0, 1}
    assert {row["gender"]: bool(row["keypoints"]) for row in on} == {0: True, 1: False}
    for row in kept:
        if row["is_face"] is False:
            assert iou(torch.tensor([row["region"]]), torch.tensor(faces, dtype=torch.float32)).max() < 0.35


def test_a_pack_goes_out_to_lmdb_and_comes_back(tmp_path: Path, ray_address: str) -> None:
    utkface(tmp_path / "set", 12)
    plain = {"workers": Workers(fetch=1, detect=1, recognise=1), "address": ray_address, "faces": "whole"}
    first = PrepareOptions("utkface", f"{tmp_path}/set", f"{tmp_path}/pack", **plain)
    prepare(first)
    counts = export_pack(ExportPackOptions(first.output, f"{tmp_path}/lmdb", "lmdb", "age"))
    assert sum(count["written"] for count in counts.values()) == 12
    again = PrepareOptions("lmdb_pack", f"{tmp_path}/lmdb", f"{tmp_path}/back", set={"attribute": "age"}, **plain)
    prepare(again)
    columns = ["age", "part"]
    went, came = (sorted(map(str, open_pack(p.output).to_table(columns).to_pylist())) for p in (first, again))
    assert went == came


def test_regions_need_a_crop_that_shows_all_of_them(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--crop\.kind margin"):
        PrepareOptions("aflw", f"{tmp_path}", f"{tmp_path}/pack", faces="regions")


def test_nothing_to_prepare_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no samples of utkface"):
        prepare(PrepareOptions("utkface", f"{tmp_path}/empty", f"{tmp_path}/pack"))


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path) -> None:
    utkface(tmp_path / "set", 2)
    write(tmp_path / "pack" / "holiday.jpg", b"mine")
    with pytest.raises(UserError, match="not of a pack"):
        prepare(PrepareOptions("utkface", f"{tmp_path}/set", f"{tmp_path}/pack"))
    assert (tmp_path / "pack" / "holiday.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize("arguments", [["--dataset", "nobody"], ["--dataset", "utkface", "--set", '{"part": 3}']])
def test_unknown_sets_and_options_are_one_line(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.run(commands.prepare, [*arguments, "--source", str(tmp_path), "--output", f"{tmp_path}/pack"])
    assert code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_list_of_sets(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(commands.prepare, ["--list"]) == 0
    assert "utkface" in capsys.readouterr().out
