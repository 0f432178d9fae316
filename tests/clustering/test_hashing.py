"""The table of hashes: every photo once, changed ones again, those that are gone no more."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceray.clustering.hashing import HashPhotos, PhotoHashes
from faceray.clustering.perceptual_hash import perceptual_hash
from faceray.corpus.decode import Limits, decode
from faceray.corpus.loading import Load
from faceray.storage import Folder
from tests.corpora import write
from tests.faces import jpeg, portrait
from tests.results import batches

pa = pytest.importorskip("pyarrow")


def photo(path: Path, data: bytes) -> dict[str, Any]:
    write(path, data)
    return {"uri": path.as_uri(), "bytes": len(data)}


def label(
    output: Folder, run: str, photos: dict[int, dict[str, Any]], version: str = "1", replaces: bool = False
) -> None:
    shown = batches.recognised(*((i, 0) for i in photos), replaces=replaces, version=version)
    rows = [row | photos[row["image_id"]] for row in shown.to_pylist()]
    batches.run(output, run, pa.Table.from_pylist(rows, schema=shown.schema))


def update(labels: Folder, output: Folder) -> tuple[int, dict[int, dict[str, Any]]]:
    """How many photos there were to do, and the table afterwards."""
    hashes = PhotoHashes(labels, output)
    plan = hashes.plan(output / "plan")
    load, stage = Load(output / "plan", Limits(), 2), HashPhotos(hashes.table.folder)
    pieces = [pa.table({"file": [f], "group": [g]}) for f, groups in enumerate(plan.pieces) for g in range(groups)]
    seen: list[int] = []
    hashes.add((row for piece in pieces for row in stage(load(piece)).to_pylist()), seen.append)
    assert not seen or seen[-1] == plan.planned
    output.remove("plan")
    rows = PhotoHashes(labels, output).table.dataset().to_table().to_pylist()
    assert len({row["image_id"] for row in rows}) == len(rows)
    return plan.planned, {row["image_id"]: row for row in rows}


def test_photos_are_hashed_once_and_again_when_they_change(tmp_path: Path) -> None:
    labels, output = Folder.at(f"{tmp_path}/labels"), Folder.at(f"{tmp_path}/out")
    whole = jpeg(portrait(120))
    photos = {i: photo(tmp_path / f"{i}.jpg", jpeg(portrait(100 + i))) for i in range(1, 4)}
    photos[4] = photo(tmp_path / "4.jpg", whole[:-500])  # damaged since it was annotated
    label(labels, "one", photos)
    done, rows = update(labels, output)
    assert done == 4
    picture = decode((tmp_path / "2.jpg").read_bytes(), "2.jpg", Limits())
    assert rows[2]["hash"] == perceptual_hash(picture.pixels)
    assert (rows[2]["width"], rows[2]["height"]) == (102, 102)
    assert (rows[4]["hash"], rows[4]["status"]) == (None, "truncated")
    assert update(labels, output) == (0, rows)

    label(labels, "two", {2: photo(tmp_path / "2.jpg", jpeg(portrait(90)))}, version="2", replaces=True)
    label(labels, "three", {5: photo(tmp_path / "5.jpg", whole)})
    done, changed = update(labels, output)
    assert done == 2
    assert changed[2]["width"] == 90
    assert {i: changed[i] for i in (1, 3, 4)} == {i: rows[i] for i in (1, 3, 4)}


def test_photos_that_were_forgotten_lose_their_hashes(tmp_path: Path) -> None:
    labels, output = Folder.at(f"{tmp_path}/labels"), Folder.at(f"{tmp_path}/out")
    label(labels, "one", {i: photo(tmp_path / f"{i}.jpg", jpeg(portrait(100))) for i in range(3)})
    assert set(update(labels, output)[1]) == {0, 1, 2}
    labels.remove("images")
    labels.remove("faces")
    label(labels, "two", {1: photo(tmp_path / "1.jpg", jpeg(portrait(100)))})
    assert update(labels, output)[0] == 0
    assert set(update(labels, output)[1]) == {1}
    (left,) = (tmp_path / "out" / "hashes").glob("*.parquet")
    assert np.asarray(pa.parquet.read_table(left)["image_id"]).tolist() == [1]


def test_a_task_that_is_tried_again_writes_the_same_file(tmp_path: Path) -> None:
    labels, output = Folder.at(f"{tmp_path}/labels"), Folder.at(f"{tmp_path}/out")
    label(labels, "one", {1: photo(tmp_path / "1.jpg", jpeg(portrait(100)))})
    hashes = PhotoHashes(labels, output)
    hashes.plan(output / "plan")
    loaded = Load(output / "plan", Limits(), 1)(pa.table({"file": [0], "group": [0]}))
    stage = HashPhotos(hashes.table.folder)
    assert stage(loaded).equals(stage(loaded))
    assert len(hashes.table.folder.names()) == 1
