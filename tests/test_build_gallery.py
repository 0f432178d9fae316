"""The gallery job: whole builds, changes without a rebuild, and what is left after a crash."""

# ruff: noqa: F811
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from faceray.build_gallery import build_gallery, estimate_gallery
from faceray.cli import parse
from faceray.errors import UserError
from faceray.gallery.card import GalleryCard
from faceray.gallery.gallery import Gallery
from faceray.gallery.store import save_calibration
from faceray.gallery_options import GalleryOptions
from faceray.storage import Folder
from tests.gallery.outputs import people, uris, write_output
from tests.s3 import BUCKET, S3Server, s3, storage  # noqa: F401

FACES, ADDRESSES = people(60, 3), uris(60, 3)
LATER = "20261102T120000000Z"


@pytest.fixture
def output(tmp_path: Path) -> str:
    """180 faces of 60 people."""
    folder = str(tmp_path / "labels")
    write_output(folder, FACES, ADDRESSES, quality=np.linspace(0, 1, 180).tolist())
    return folder


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "gallery")


def build(place: str, faces: str = "", **changes: Any) -> GalleryCard:
    """By default in shards of at most 50 faces."""
    return build_gallery(GalleryOptions(**{"output": place, "faces": faces, "memory": "25.6KB", **changes}))


def held(place: str, generation: str | None = None) -> dict[str, np.ndarray]:
    """Every uri in the gallery, with the vector that is stored for it."""
    gallery = Gallery.open(place, generation)
    rows = np.arange(gallery.card.faces)
    return dict(zip(gallery.entries(rows)["uri"].to_pylist(), gallery.vectors(rows), strict=True))


def sizes(card: GalleryCard) -> list[int]:
    return [shard.faces for shard in card.shards]


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


def test_added_faces_make_a_generation_out_of_new_files_only(output: str, place: str) -> None:
    first = build(place, output, identities="folder")
    write_output(output, people(5, 2, seed=3), uris(5, 2, 100), run_id=LATER)
    second = build(place, output, identities="folder", add=True)
    assert (second.faces, second.identities, sizes(second)) == (190, 65, [45, 45, 45, 45, 10])
    assert second.shards[:4] == first.shards
    assert len(held(place)) == 190
    assert len(held(place, first.generation)) == 180
    assert build(place, output, identities="folder", add=True) == second, "there is nothing to add"


def test_small_shards_are_filled_up(output: str, place: str) -> None:
    """Nightly additions must not leave a shard for every night."""
    build(place, output)
    for night in range(2, 9):
        write_output(output, people(5, 2, seed=night), uris(5, 2, 100 * night), run_id=f"2026110{night}T120000000Z")
        card = build(place, output, add=True, machines=2)
    assert card.faces == len(held(place)) == 250
    assert len(card.shards) <= 7
    assert sum(size < 25 for size in sizes(card)) <= 1


def test_faces_that_were_annotated_again_are_replaced(output: str, place: str) -> None:
    build(place, output, identities="folder")
    better = people(1, 3, seed=77)
    again = str(Path(output).parent / "again")
    write_output(again, better, ADDRESSES[:3], run_id=LATER)
    card = build(place, again, add=True)
    assert (card.faces, card.identities) == (180, 60)
    found = held(place)
    assert all(np.allclose(found[a], v, atol=1e-6) for a, v in zip(ADDRESSES, [*better, *FACES[3:]], strict=True))
    entry = Gallery.open(place).search(better[:1], 1)[1]
    assert Gallery.open(place).entries(entry[0])["identity"].to_pylist() == ["person 0"], "the name stays"


@pytest.mark.parametrize("key", ["", "SQfp16", "IVF4,PQ8x4fs,Refine(SQfp16)"])
def test_of_a_removed_person_nothing_is_left(output: str, place: str, key: str) -> None:
    memory = {"": "25.6KB", "SQfp16": "12.8KB"}.get(key, "17KB")
    first = build(place, output, identities="folder", key=key, memory=memory, recall=0.9)
    gone = [i for i, address in enumerate(ADDRESSES) if "/person 7/" in address]
    card = build(place, remove="identity=person 7", memory=memory, keep=1, recall=0.9)
    assert (card.faces, card.identities) == (177, 59)
    untouched = [shard for shard in card.shards if shard in first.shards]
    assert len(untouched) >= len(first.shards) - 2
    gallery = Gallery.open(place)
    vectors = gallery.vectors(np.arange(177))
    entries = gallery.entries(np.arange(177))
    assert not {ADDRESSES[i] for i in gone} & set(entries["uri"].to_pylist())
    assert "person 7" not in entries["identity"].to_pylist()
    assert (vectors @ FACES[gone].T).max() < 0.9, "reconstructed from every shard"
    assert gallery.search(FACES[gone], 177)[0].max() < 0.9, "found by a search of every shard"
    for path in (Path(place) / "shards").iterdir():
        content = path.read_bytes()
        assert b"person 7/" not in content
        for i in gone:
            assert FACES[i].tobytes()[:16] not in content
            assert FACES[i].astype(np.float16).tobytes()[:16] not in content
    assert {p.name for p in (Path(place) / "shards").iterdir()} == {file.name for file in card.files}


def test_who_was_removed_stays_out(output: str, place: str) -> None:
    build(place, output, identities="folder")
    build(place, remove=f"uri={ADDRESSES[0]}")
    write_output(output, people(1, 1, seed=3), uris(1, 1, 100), run_id=LATER)
    assert ADDRESSES[0] not in held(place) | {"": build(place, output, add=True)}
    assert build(place, output).faces == 180, "not even by a build from the beginning: 181 less one"
    assert ADDRESSES[0] not in held(place)


def test_what_the_tables_no_longer_have_can_go_too(output: str, place: str, tmp_path: Path) -> None:
    build(place, output)
    less = str(tmp_path / "less")
    write_output(less, np.concatenate([FACES[9:], people(1, 1, seed=4)]), [*ADDRESSES[9:], *uris(1, 1, 100)])
    card = build(place, less, remove="missing")
    assert held(place).keys() == set(ADDRESSES[9:])
    assert card.banned is None
    assert build(place, less, remove="missing", add=True).faces == 172
    assert build(place, output, add=True).faces == 181, "they may come back"


@pytest.mark.parametrize(("remove", "left"), [("prefix=file:///photos/person 1", 180 - 33), ("file", 178)])
def test_other_ways_to_say_who_must_go(output: str, place: str, tmp_path: Path, remove: str, left: int) -> None:
    build(place, output)
    if remove == "file":
        ids = Gallery.open(place).entries(np.array([3, 99]))["face_id"].to_pylist()
        (tmp_path / "gone.csv").write_text("face_id\n" + "".join(f"{i}\n" for i in ids))
        remove = str(tmp_path / "gone.csv")
    assert build(place, remove=remove).faces == left


def test_a_gallery_can_become_empty_and_be_filled_again(output: str, place: str) -> None:
    build(place, output)
    card = build(place, remove="prefix=file:///", keep=1)
    assert (card.faces, card.shards) == (0, ())
    assert (Gallery.open(place).search(FACES[:2], 3)[1] == -1).all()
    write_output(output, people(1, 1, seed=3), uris(1, 1, 100), run_id=LATER)
    assert build(place, output, add=True).faces == 1


def test_a_calibration_survives_changes_and_not_a_new_beginning(output: str, place: str) -> None:
    build(place, output)
    save_calibration(place, {"threshold": 0.4})
    assert build(place, remove=f"uri={ADDRESSES[0]}").calibration == {"threshold": 0.4}
    assert build(place, output).calibration is None


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


def test_removing_nobody_is_told(output: str, place: str) -> None:
    build(place, output)
    with pytest.raises(UserError, match="no face of the gallery is meant by --remove identity=Nobody"):
        build(place, remove="identity=Nobody")


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


_KILLED = """
import sys, time
from pathlib import Path
from faceray.build_gallery import build_gallery
from faceray.gallery.building import Builder
from faceray.gallery_options import GalleryOptions
from faceray.storage import Folder
build = Builder.build
def slowly(self, number, trained):
    shard = build(self, number, trained)
    if number == 1:
        print("half-way", flush=True)
        time.sleep(100)
    return shard
Builder.build = slowly
build_gallery(GalleryOptions(output=sys.argv[1], faces=sys.argv[2], memory="25.6KB"))
"""


def test_after_a_kill_the_old_generation_is_served_and_the_next_build_starts_clean(output: str, place: str) -> None:
    first = build(place, output)
    served = held(place)
    write_output(output, people(5, 2, seed=3), uris(5, 2, 100), run_id=LATER)
    command = [sys.executable, "-c", _KILLED, place, output]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.getcwd()}) as process:
        assert process.stdout
        assert process.stdout.readline() == b"half-way\n"
        process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    left = {path.name for path in (Path(place) / "shards").iterdir()}
    assert len(left) == 2 * 4 + 2 * 2, "it was half-way"
    assert Gallery.open(place).card == first
    assert held(place).keys() == served.keys()
    time.sleep(0.002)  # names of generations are times in milliseconds
    second = build(place, output, add=True)
    assert second.faces == 190
    assert {path.name for path in (Path(place) / "shards").iterdir()} == {
        file.name for card in (first, second) for file in card.files
    }
    assert not (Path(place) / "plans").exists()


def test_an_error_on_the_way_leaves_the_gallery_as_it_was(
    output: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build(place, output)
    part = next((Path(output) / "faces").glob("*.parquet"))
    monkeypatch.setattr("faceray.gallery.store.Store.begin", lambda *_: part.unlink())
    with pytest.raises(UserError, match="is gone: another run has begun meanwhile"):
        build(place, output)
    assert Gallery.open(place).card == first


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
