"""The gallery job: whole builds."""

# ruff: noqa: F811
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from faceray.build_gallery import estimate_gallery
from faceray.cli import parse
from faceray.errors import UserError
from faceray.gallery.gallery import Gallery
from faceray.gallery_options import GalleryOptions
from faceray.storage import Folder
from tests.gallery.built import ADDRESSES, FACES, LATER, build, held, output, place, sizes  # noqa: F401
from tests.gallery.outputs import people, uris, write_output
from tests.s3 import BUCKET, S3Server, storage


def test_a_gallery_has_every_face_with_its_vector(output: str, place: str) -> None:
    card = build(place, output, identities="folder")
    assert (card.faces, card.identities, sizes(card)) == (180, 60, [45] * 4)
    assert card == Gallery.open(place).card
    assert (card.network.name, card.network.sha256, card.network.dimension) == ("sface", ("ab" * 32,), 32)
    assert (card.index, card.recall_at_1, card.metric) == ("Flat", 1.0, "cosine")
    assert all(shard.tested for shard in card.shards)
    found = held(place)
    assert found.keys() == set(ADDRESSES)
    assert all(np.allclose(found[a], v, atol=1e-6) for a, v in zip(ADDRESSES, FACES, strict=True))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"min_quality": 0.5}, 90),
        ({"min_score": 0.95}, None),
        ({"since": "2026-11-01"}, 180),
        ({"since": "2026-11-02"}, None),
        ({"where": "uri LIKE '%person 7/%' OR quality > 0.99"}, 5),
    ],
)
def test_only_faces_that_pass_come_in(output: str, place: str, changes: dict[str, Any], expected: int | None) -> None:
    if expected is None:
        with pytest.raises(UserError, match="no face of the tables passes"):
            build(place, output, **changes)
        assert not Path(place).exists()
    else:
        assert build(place, output, **changes).faces == expected


def test_names_come_from_a_list(output: str, place: str, tmp_path: Path) -> None:
    twice = write_output(output, people(1, 2, seed=9), ["file:///g.jpg", "file:///g.jpg"], run_id=LATER)
    (tmp_path / "names.csv").write_text(
        f"uri,identity\n{ADDRESSES[4]},Ann\nfile:///g.jpg,Bob\nfile:///nowhere.jpg,Eve\n"
    )
    card = build(place, output, identities=str(tmp_path / "names.csv"))
    assert card.identities == 2
    entries = Gallery.open(place).entries(np.arange(card.faces)).to_pylist()
    named = {entry["face_id"]: entry["identity"] for entry in entries if entry["identity"]}
    assert sorted(named.values()) == ["Ann", "Bob"]
    assert named[twice[0]] == "Bob", "a name that is said of a picture is its largest face's"


def test_several_outputs_are_one_gallery_and_no_face_is_doubled(output: str, place: str, tmp_path: Path) -> None:
    other = str(tmp_path / "more")
    write_output(other, np.concatenate([FACES[:6], people(2, 3, seed=5)]), ADDRESSES[:6] + uris(2, 3, 100))
    assert build(place, f"{output},{other}").faces == 186


def test_faces_of_another_network_do_not_come_in(output: str, place: str, tmp_path: Path) -> None:
    build(place, output)
    other = str(tmp_path / "other")
    write_output(other, people(3, 1, seed=8), uris(3, 1, 100), network="dlib")
    with pytest.raises(UserError, match="the faces are of dlib, the gallery of sface"):
        build(place, other, add=True)
    with pytest.raises(UserError, match="2 embedding networks"):
        build(place, f"{output},{other}")
    write_output(output, people(3, 1, seed=8), uris(3, 1, 100), run_id=LATER, network="dlib")
    with pytest.raises(UserError, match=r"2 embedding networks or settings \(dlib, sface\)"):
        build(place, output)
    assert build(place, output, since="2026-11-02").network.name == "dlib"


def test_a_run_without_a_record_is_not_trusted(output: str, place: str) -> None:
    next((Path(output) / "runs").iterdir()).unlink()
    with pytest.raises(UserError, match="does not say which network"):
        build(place, output)


def test_faces_without_an_embedding_are_left_out(place: str, tmp_path: Path) -> None:
    vectors = [None if i % 7 == 0 else v for i, v in enumerate(FACES)]
    write_output(tmp_path / "labels", vectors, ADDRESSES)
    assert build(place, str(tmp_path / "labels")).faces == 180 - 26
    assert held(place).keys() == {a for i, a in enumerate(ADDRESSES) if i % 7}


def test_nothing_but_null_embeddings_is_refused(place: str, tmp_path: Path) -> None:
    write_output(tmp_path / "labels", [None] * 3, ADDRESSES[:3])
    with pytest.raises(UserError, match="none of the faces has an embedding"):
        build(place, str(tmp_path / "labels"))


def test_an_estimate_comes_first_and_writes_nothing(
    output: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = estimate_gallery(GalleryOptions(output=place, faces=output, memory="25.6KB", identities="folder"))
    assert not Path(place).exists()
    for part in ("180", "60", "Flat", "4 with 180 faces", "memory", "disk", "ms"):
        assert part in text
    build(place, output)
    assert "180 faces of 32 dimensions" in capsys.readouterr().err
    before = {path: path.stat().st_mtime_ns for path in Path(place).rglob("*")}
    text = estimate_gallery(GalleryOptions(output=place, remove=f"uri={ADDRESSES[0]}"))
    assert re.search(r"faces removed +1\n", text)
    assert before == {path: path.stat().st_mtime_ns for path in Path(place).rglob("*")}


def test_what_cannot_fit_is_refused_before_anything_is_written(output: str, place: str) -> None:
    with pytest.raises(UserError, match="do not fit"):
        build(place, output, memory="1KB")
    with pytest.raises(UserError, match="do not fit"):
        build(place, output, memory="20KB", key="Flat")
    assert not Path(place).exists()
    build(place, output)
    write_output(output, people(5, 2, seed=3), uris(5, 2, 100), run_id=LATER)
    with pytest.raises(UserError, match="do not fit"):
        build(place, output, add=True, memory="23.1KB")
    assert build(place, remove=f"uri={ADDRESSES[0]}", memory="1KB").faces == 179, "removing is always possible"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"faces": ""}, "--faces is empty"),
        ({"faces": "", "add": True}, "--faces is empty"),
        ({"faces": "", "remove": "missing"}, "--faces is empty"),
        ({"output": ""}, "--output is empty"),
        ({"recall": 0}, "--recall"),
        ({"recall": 1.1}, "--recall"),
        ({"keep": 0}, "--keep must be at least 1"),
        ({"machines": 0}, "--machines must be at least 1"),
        ({"memory": "lots"}, "--memory 'lots' is not a size"),
        ({"where": "1; 2"}, "--where"),
        ({"key": "Flat", "add": True}, "--key is for a gallery that is built anew"),
    ],
)
def test_options_are_checked_at_once(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        GalleryOptions(**{"output": "g", "faces": "f", **changes})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"add": True}, "no gallery at"),
        ({"remove": "identity=Ann"}, "no gallery at"),
        ({"key": "nonsense"}, "--key nonsense"),
        ({"key": "IVF4096,Flat"}, "too few to train"),
        ({"identities": "/nowhere.csv"}, "there is no file /nowhere.csv"),
        ({"faces": "/nowhere"}, "no faces table in"),
    ],
)
def test_surroundings_are_checked_before_work(
    output: str, place: str, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        build(place, **{"faces": output, **changes})
    assert not Path(place).exists()


def test_everything_can_be_in_a_bucket(s3: S3Server) -> None:
    where = storage(s3)
    faces, place = f"s3://{BUCKET}/labels", f"s3://{BUCKET}/galleries/one"
    write_output(Folder.at(faces, where), FACES, ADDRESSES)
    card = build(place, faces, identities="folder", storage=where)
    assert sizes(card) == [45] * 4
    write_output(Folder.at(faces, where), people(5, 2, seed=3), uris(5, 2, 100), run_id=LATER)
    card = build(place, faces, add=True, remove="identity=person 7", keep=1, storage=where)
    assert card.faces == 187
    card = build(place, remove="identity=person 8", keep=1, storage=where)  # some stores keep folders of what is gone
    assert card.faces == 184
    gallery = Gallery.open(place, storage=where)
    assert gallery.store.generations() == [card.generation]
    rows = gallery.search(FACES[:3], 1)[1][:, 0]
    assert gallery.entries(rows)["uri"].to_pylist() == ADDRESSES[:3]
    assert gallery.store.shards.names() == sorted(file.name for file in card.files)


def test_the_command_line_knows_the_options() -> None:
    options = parse(GalleryOptions, ["--faces", "a,b", "--output", "g", "--add", "--memory", "1.5 tb"], "gallery")
    assert (options.tables, options.add, options.bounds.memory) == (("a", "b"), True, 1_500_000_000_000)


def test_a_cluster_builds_the_same_gallery(output: str, place: str, tmp_path: Path, ray_address: str) -> None:
    key = "IVF4,PQ8x4fs,Refine(SQfp16)"
    here = build(place, output, key=key, memory="17KB", recall=0.9)
    there = build(str(tmp_path / "there"), output, key=key, memory="17KB", recall=0.9, address=ray_address, threads=1)
    assert sizes(there) == sizes(here)
    assert len(there.shards) == 4
    assert [shard.ids.sha256 for shard in there.shards] == [shard.ids.sha256 for shard in here.shards]
    for ours, theirs in zip(held(place).items(), held(str(tmp_path / "there")).items(), strict=True):
        assert ours[0] == theirs[0]
        assert np.array_equal(ours[1], theirs[1])
    part = next((Path(output) / "faces").glob("*.parquet"))
    table = pa.parquet.read_table(part)
    embedding = pa.array([[1.0]] * table.num_rows, pa.list_(pa.float32()))
    pa.parquet.write_table(table.set_column(table.column_names.index("embedding"), "embedding", embedding), part)
    with pytest.raises(UserError, match="embeddings of length") as caught:
        build(place, output, key=key, memory="17KB", address=ray_address, threads=1)
    assert "\n" not in str(caught.value)
