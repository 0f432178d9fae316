"""Forgetting pictures: no row is left in any file, everything else stays, and nothing comes back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.corpus.source import image_ids
from faceray.errors import UserError
from faceray.forget import find, forget
from faceray.forget_request import Request, read_request
from faceray.forgotten import forgotten, list_of, remember
from faceray.maintain import maintain
from faceray.maintain_options import MaintainOptions
from faceray.results.committer import Committer
from faceray.results.readers import read_faces, read_images
from faceray.storage import Folder
from tests.results.batches import contents, plain, recognised, report
from tests.results.test_committer import crash_between_the_commits

ANNA = ("s3://b/anna/1.jpg", "s3://b/anna/2.jpg")
OTHERS = (
    "s3://b/ben/1.jpg",
    "s3://b/annabel/1.jpg",
    "s3://b/tar#1.tar#a.jpg",
    "s3://b/tar.tar#x/y.jpg",
    "s3://b/c.jpg",
)


def batch(uris: tuple[str, ...], faces: int = 2, **others: Any) -> pa.Table:
    """As recognised(), at these addresses."""
    table = recognised(*((i, faces) for i in image_ids(uris).tolist()), **others)
    return table.set_column(table.schema.get_field_index("uri"), "uri", pa.array(uris))


def write(output: Folder, run_id: str, *batches: pa.Table) -> None:
    committer = Committer(output, 0)
    committer.claim()
    for rows in batches:
        committer.add(report(output, run_id, rows))
    committer.close()


@pytest.fixture
def output(tmp_path: Path) -> Folder:
    output = Folder.at(f"{tmp_path}/out")
    write(output, "R1", batch((ANNA[0], OTHERS[0])), batch((ANNA[1], OTHERS[1])), batch(OTHERS[2:], faces=1))
    return output


def ids(*uris: str) -> set[int]:
    return set(image_ids(uris).tolist())


def bytes_of(output: Folder) -> bytes:
    """All files of an output, one after the other."""
    return b"".join(file.read_bytes() for file in sorted(Path(output.path).rglob("*")) if file.is_file())


def test_a_picture_goes_from_both_tables_and_from_every_file(output: Folder) -> None:
    before = contents(output)
    faces = set(read_faces(output.uri)["face_id"].to_pylist())
    proof = forget(output, Request(addresses=ANNA[:1]))
    assert contents(output) == {i: row for i, row in before.items() if i not in ids(ANNA[0])}
    assert {s.name: (s.before, s.removed, s.after, s.found) for s in proof.searched} == {
        "images": (7, 1, 6, 0),
        "faces": (11, 2, 9, 0),
    }
    assert proof.clean
    assert set(read_faces(output.uri)["face_id"].to_pylist()) < faces
    for table in ("images", "faces"):
        assert not set(plain(output, table)["image_id"]) & ids(ANNA[0])
    assert ANNA[0].encode() not in bytes_of(output)


@pytest.mark.parametrize(
    ("entry", "gone"),
    [
        ("s3://b/anna/", ANNA),
        ("s3://b/anna*", (*ANNA, OTHERS[1])),
        ("s3://b/tar.tar", (OTHERS[3],)),
        ("s3://b/tar.tar#x/y.jpg", (OTHERS[3],)),
        ("s3://b/nobody.jpg", ()),
    ],
)
def test_what_an_entry_stands_for(output: Folder, entry: str, gone: tuple[str, ...]) -> None:
    before = set(contents(output))
    proof = forget(output, read_request([entry]))
    assert before - set(contents(output)) == ids(*gone)
    assert [s.removed for s in proof.searched if s.name == "images"] == [len(gone)]


def test_faces_stand_for_their_pictures(output: Folder) -> None:
    faces = read_faces(output.uri).to_pandas()
    face = faces[faces["uri"] == OTHERS[0]]["face_id"].iloc[0]
    proof = forget(output, read_request([f"{face}, 12345"]))
    assert not ids(OTHERS[0]) & set(contents(output))
    assert proof.unknown_faces == 1
    assert proof.asked == {"addresses": 0, "prefixes": 0, "faces": 2}


def test_faces_that_nobody_knows(output: Folder) -> None:
    before = bytes_of(output)
    with pytest.raises(UserError, match="none of these 1 faces"):
        forget(output, Request(faces=(12345,)))
    assert bytes_of(output) == before


def test_the_list_keeps_no_address_of_a_single_picture(output: Folder) -> None:
    forget(output, Request(addresses=ANNA[:1], prefixes=("s3://b/ben/",)))
    listed = forgotten(output)
    assert set(listed["image_id"].drop_null().to_pylist()) == ids(ANNA[0], OTHERS[0])
    assert listed["prefix"].drop_null().to_pylist() == ["s3://b/ben/"]
    forget(output, Request(addresses=ANNA))
    assert set(forgotten(output)["image_id"].drop_null().to_pylist()) >= ids(*ANNA)


def test_what_was_interrupted_is_completed_by_the_next_request(output: Folder) -> None:
    """Only the list had been written when the process died; faces cannot be looked up a second time."""
    remember(output, ids(*ANNA), [])
    proof = forget(output, Request(addresses=(OTHERS[0],)))
    assert not ids(*ANNA, OTHERS[0]) & set(contents(output))
    assert proof.clean


def test_a_crash_between_the_tables_is_completed(output: Folder) -> None:
    committer = Committer(output, 0)
    remember(output, ids(*ANNA), [])
    committer.claim()
    committer.faces.commit(committer.faces.serial + 1, replaced=sorted(ids(*ANNA)))
    forget(output, Request(addresses=ANNA))
    assert set(contents(output)) == ids(*OTHERS)


def test_torn_tables_are_mended_on_the_way(output: Folder) -> None:
    crash_between_the_commits(output, "R2", batch((ANNA[0], OTHERS[0]), faces=4, replaces=True))
    proof = forget(output, Request(addresses=ANNA))
    assert proof.clean
    assert set(contents(output)) == ids(*OTHERS[1:])  # the replaced one is to be annotated again


def test_equal_pictures_elsewhere_are_counted(output: Folder) -> None:
    """batches.recognised gives all pictures the same bytes."""
    assert forget(output, Request(addresses=ANNA)).copies == len(OTHERS)


def test_the_report_with_its_faces_goes_too(output: Folder) -> None:
    Folder.at(output.uri).write("report.html", b"faces")
    (output / "runs/R0.plan").write("00000.parquet", ANNA[0].encode())
    (output / "runs").write("R1.json", b"{}")
    proof = forget(output, Request(addresses=ANNA[:1]))
    assert proof.deleted == ("report.html", "R0.plan")
    assert ANNA[0].encode() not in bytes_of(output)
    assert (output / "runs").names() == ["R1.json"]


def test_readers_see_each_table_before_or_after(output: Folder) -> None:
    """Every version of a table has all rows of a picture, or none."""
    forget(output, Request(addresses=ANNA))
    later = read_images(output.uri)
    assert set(later["image_id"].to_pylist()) == ids(*OTHERS)
    committer = Committer(output, 0)
    assert committer.images.serial == committer.faces.serial
    assert not committer.torn


def test_a_second_run_cannot_bring_rows_in_between(output: Folder) -> None:
    run = Committer(output, 0)
    run.claim()
    forget(output, Request(addresses=ANNA))
    with pytest.raises(UserError, match="another run"):
        run.add(report(output, "R2", batch(ANNA)))
    assert set(contents(output)) == ids(*OTHERS)


def test_the_job_looks_before_it_removes_and_saves_its_proof(output: Folder, tmp_path: Path) -> None:
    before = contents(output)
    wanted = tmp_path / "people.txt"
    wanted.write_text(f"{ANNA[0]}\n\n  s3://b/ben/  \n")
    looked = maintain(MaintainOptions(output.uri, forget_list=str(wanted), dry_run=True))
    assert looked.found is not None
    assert set(looked.found.gone) == ids(ANNA[0], OTHERS[0])
    assert contents(output) == before
    assert not (Path(output.path) / "forgotten").exists()
    done = maintain(MaintainOptions(output.uri, forget_list=str(wanted)))
    proof = json.loads(Path(done.proof_address.removeprefix("file://")).read_text())
    assert proof["clean"]
    assert {s["name"]: (s["removed"], s["found"]) for s in proof["searched"]} == {"images": (2, 0), "faces": (4, 0)}
    assert len(contents(output)) == len(before) - 2


def test_requests(tmp_path: Path) -> None:
    here = Path.cwd()
    assert read_request(["-5,7"]).faces == (-5, 7)
    assert read_request(["photos/a b.jpg"]).addresses == (f"file://{here}/photos/a b.jpg",)
    assert read_request(["photos/anna//"]).prefixes == (f"file://{here}/photos/anna/",)
    assert read_request(["s3://b/anna_*"]).prefixes == ("s3://b/anna_",)
    for wrong in ("", "  ", str(1 << 63), "*", "//", "/*"):
        with pytest.raises(UserError):
            read_request([wrong])
    with pytest.raises(UserError, match="cannot read"):
        read_request([], f"{tmp_path}/none.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9.jpg")
    with pytest.raises(UserError, match="cannot read"):
        read_request([], f"{tmp_path}/latin.txt")


@given(st.sets(st.integers(-(2**63), 2**63 - 1), max_size=20), st.sets(st.text(max_size=5), max_size=5))
def test_the_list_has_a_row_for_each_image_and_prefix(images: set[int], prefixes: set[str]) -> None:
    table = list_of(images, prefixes)
    assert set(table["image_id"].drop_null().to_pylist()) == images
    assert set(table["prefix"].drop_null().to_pylist()) == prefixes
    assert table.num_rows == len(images) + len(prefixes)
    assert np.all((np.asarray(table["image_id"].is_null())) != np.asarray(table["prefix"].is_null()))


def test_looking_changes_nothing(output: Folder) -> None:
    before = bytes_of(output)
    found = find(Committer(output, 0), Request(prefixes=("s3://b/",)), forgotten(output))
    assert len(found.gone) == 7
    assert bytes_of(output) == before
