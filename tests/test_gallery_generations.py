"""The gallery job: changes without a rebuild, and what is left after a crash."""

# ruff: noqa: F811
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from faceray.errors import UserError
from faceray.gallery.gallery import Gallery
from faceray.gallery.store import save_calibration
from tests.gallery.built import ADDRESSES, FACES, LATER, build, held, output, place, sizes  # noqa: F401
from tests.gallery.outputs import people, uris, write_output


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


def test_removing_nobody_is_told(output: str, place: str) -> None:
    build(place, output)
    with pytest.raises(UserError, match="no face of the gallery is meant by --remove identity=Nobody"):
        build(place, remove="identity=Nobody")


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
