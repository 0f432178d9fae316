"""What earlier runs left: gone and forgotten images, faces that stay when networks after the detector change."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from faceray.corpus.before import Before
from faceray.corpus.plan import Plan, make_plan
from faceray.corpus.source import Source, image_ids
from faceray.forgotten import list_of
from faceray.storage import Folder
from tests.corpora import write
from tests.corpus.test_plan import listing, planned
from tests.results.sample_rows import faces_of, images_of

MODELS = "mtcnn:1 sface:1 attributes:1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def number(uri: str) -> int:
    return int(image_ids([uri])[0])


def images(**rows: dict[str, object]) -> ds.Dataset:
    return images_of(*({"uri": uri, "image_id": number(uri), "models": MODELS, **row} for uri, row in rows.items()))


def plan(tmp_path: Path, uris: Sequence[str], done: ds.Dataset, models: str = MODELS, **before: object) -> Plan:
    listed = listing([(uri, "1", 10) for uri in uris])
    return make_plan(listed, done, models, None, Folder.at(str(tmp_path)), before=Before(**before))  # type: ignore[arg-type]


def test_what_the_listing_covers_and_does_not_name_is_gone(tmp_path: Path) -> None:
    done = images(here={}, away={}, elsewhere={}, long_away={"gone_at": NOW}, back={"gone_at": NOW})
    found = plan(tmp_path, ["here", "back"], done, covers=lambda uri: uri != "elsewhere")
    assert found.gone.to_pylist() == [number("away")]
    assert found.back.to_pylist() == [number("back")]
    assert found.planned == 0
    assert found.marks
    assert not plan(tmp_path, ["here"], done).marks, "without a listing of all there is, nothing is known to be gone"


def test_what_comes_back_changed_is_done_again(tmp_path: Path) -> None:
    done = images(back={"gone_at": NOW, "version": "0"})
    found = plan(tmp_path, ["back"], done, covers=lambda uri: True)
    assert (found.by_reason, found.marks) == ({"changed": 1}, False)


def test_members_of_a_tar_that_could_not_be_read_are_not_gone(tmp_path: Path) -> None:
    done = images(**{"a.tar#x.jpg": {}, "b.tar#x.jpg": {}})
    found = plan(tmp_path, ["a.tar"], done, covers=lambda uri: True)
    assert found.gone.to_pylist() == [number("b.tar#x.jpg")]


def test_forgotten_images_do_not_come_back(tmp_path: Path) -> None:
    forgotten = list_of([number("one")], ["folder/"])
    uris = ["one", "folder/a", "folder/b", "two"]
    found = plan(tmp_path, uris, images(two={}), forgotten=forgotten)
    assert found.by_reason == {"forgotten": 3, "already_done": 1}
    assert (found.planned, found.deferred) == (0, 0)


@pytest.mark.parametrize(
    ("models", "refresh"),
    [
        ("mtcnn:1 sface:2 attributes:1", ["embedding"]),
        ("mtcnn:1 sface:1 attributes:1 hats:1", ["attributes"]),
        ("mtcnn:1 sface:1", ["attributes"]),
        ("mtcnn:1 dlib:1 attributes:2", ["embedding", "attributes"]),
    ],
)
def test_faces_stay_when_only_later_networks_change(tmp_path: Path, models: str, refresh: list[str]) -> None:
    done = images(two={"face_count": 2}, none={"face_count": 0}, broken={"status": "truncated"})
    faces = faces_of(*({"image_id": number("two"), "face_id": i, "face_index": i, "score": 1 / 2**i} for i in (1, 0)))
    found = plan(tmp_path, ["two", "none", "broken"], done, models, faces=faces)
    assert found.by_reason == {"recomputed": 1, "relabelled": 1, "already_done": 1}
    assert found.relabelled.to_pylist() == [number("none")], "nothing to look at"
    (row,) = planned(found, Folder.at(str(tmp_path)))
    assert row["refresh"] == refresh
    assert [face["score"] for face in row["known_faces"]] == [1.0, 0.5], "in their order"
    assert not {"face_id", "uri", "run_id"} & row["known_faces"][0].keys()


def test_another_detector_looks_again(tmp_path: Path) -> None:
    done = images(one={"face_count": 1}, none={})
    faces = faces_of({"image_id": number("one")})
    found = plan(tmp_path, ["one", "none"], done, "mtcnn:2 sface:1 attributes:1", faces=faces)
    assert found.by_reason == {"model_changed": 2}


def test_rows_without_their_faces_are_detected_again(tmp_path: Path) -> None:
    done = images(one={"face_count": 1}, two={"face_count": 1})
    faces = faces_of({"image_id": number("one")})
    plan_ = plan(tmp_path, ["one", "two"], done, "mtcnn:1 sface:2 attributes:1", faces=faces)
    first, second = planned(plan_, Folder.at(str(tmp_path)))
    assert first["known_faces"]
    assert (second["known_faces"], second["refresh"]) == (None, None)


def test_a_folder_covers_what_it_would_list(tmp_path: Path) -> None:
    write(tmp_path / "photos" / "a.jpg", b"x")
    root = f"file://{tmp_path}/photos"
    source = Source(f"{tmp_path}/photos", "jpg,tar", [Folder.at(f"{tmp_path}/photos/out")])
    covered = [f"{root}/a.jpg", f"{root}/deep/b.JPG", f"{root}/noending", f"{root}/t.tar#in/x.jpg"]
    others = [f"{root}/a.png", f"{root}/.b.jpg", f"{root}/.c/a.jpg", f"{root}s/a.jpg", f"{root}/out/a.jpg"]
    others += [f"{root}/t.tar#in/x.png", "s3://bucket/a.jpg", root]
    assert [uri for uri in [*covered, *others] if source.covers(uri)] == covered
    for single in ("a.jpg", "*.jpg"):
        assert not Source(f"{tmp_path}/photos/{single}", "jpg").covers(f"{root}/a.jpg")
