"""The plan: what is listed and not yet done, each image once, in pieces that cover exactly that."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceray.corpus import plan as plan_module
from faceray.corpus.plan import RETRIED, Plan, make_plan, read_piece
from faceray.corpus.source import LISTING, Source, image_ids
from faceray.corpus.status import Status
from faceray.storage import Folder
from tests.results.sample_rows import images_of

Listed = tuple[str, str, int | None]  # uri, version, bytes


def listing(images: Sequence[Listed], batch: int = 1000) -> list[pa.RecordBatch]:
    columns = list(zip(*images, strict=True)) or [(), (), ()]
    ids = pa.array(image_ids(columns[0]), pa.int64())
    table = pa.table([ids, *(pa.array(c, f.type) for c, f in zip(columns, list(LISTING)[1:], strict=True))], LISTING)
    return list(table.to_batches(batch))


def done(*images: tuple[str, str, str, str]) -> ds.Dataset:
    """An images table of (uri, version, status, models)."""
    names = ("uri", "version", "status", "models")
    return images_of(
        *({"image_id": int(image_ids([image[0]])[0]), **dict(zip(names, image, strict=True))} for image in images)
    )


def planned(plan: Plan, folder: Folder) -> list[dict[str, Any]]:
    pieces = [(file, group) for file, groups in enumerate(plan.pieces) for group in range(groups)]
    return [row for piece in pieces for row in read_piece(folder, *piece).to_pylist()]


def test_every_reason(tmp_path: Path) -> None:
    before = done(
        ("same", "1", "ok", "m"),
        ("changed", "1", "ok", "m"),
        ("changed-broken", "1", "truncated", "m"),
        ("other-models", "1", "ok", "older"),
        ("failed", "1", "failed", "m"),
        ("failed-other-models", "1", "failed", "older"),
        ("broken-other-models", "1", "undecodable", "older"),
        *((status, "1", status, "m") for status in RETRIED),
        ("no-longer-listed", "1", "ok", "m"),
    )
    uris = [row["uri"] for row in before.to_table().to_pylist() if row["uri"] != "no-longer-listed"]
    images: list[Listed] = [(uri, "2" if "changed" in uri else "1", 10) for uri in [*uris, "new", "newer"]]
    folder = Folder.at(str(tmp_path))
    plan = make_plan(listing(images), before, "m", None, folder)
    assert plan.by_reason == {
        "new": 2,
        "changed": 2,
        "model_changed": 2,
        "retried": len(RETRIED),
        "already_done": 3,
    }
    todo = planned(plan, folder)
    finished = ("same", "failed", "broken-other-models")
    assert [row["uri"] for row in todo] == [uri for uri, _, _ in images if uri not in finished]
    assert {row["uri"] for row in todo if not row["replaces"]} == {"new", "newer"}
    assert (plan.listed, plan.planned, plan.deferred, plan.bytes) == (len(images), len(todo), 0, 10 * len(todo))


def test_before_the_first_run_everything_is_new(tmp_path: Path) -> None:
    plan = make_plan(listing([("a", "1", 5), ("b", "", None)]), None, "m", None, Folder.at(str(tmp_path)))
    assert plan.by_reason == {"new": 2}
    assert plan.bytes == 5
    assert [(r["uri"], r["version"], r["bytes"], r["replaces"]) for r in planned(plan, Folder.at(str(tmp_path)))] == [
        ("a", "1", 5, False),
        ("b", "", None, False),
    ]


def test_an_image_listed_twice_is_done_once(tmp_path: Path) -> None:
    images: list[Listed] = [("a", "1", 1), ("b", "1", 1), ("a", "1", 1), ("a", "1", 1), ("c", "1", 1), ("b", "1", 1)]
    plan = make_plan(listing(images, batch=2), None, "m", None, Folder.at(str(tmp_path)))
    assert (plan.listed, plan.duplicates, plan.planned) == (3, 3, 3)
    assert [row["uri"] for row in planned(plan, Folder.at(str(tmp_path)))] == ["a", "b", "c"]


def test_a_limit_takes_the_first_of_what_is_to_do(tmp_path: Path) -> None:
    images: list[Listed] = [(str(i), "1", 2) for i in range(10)]
    before = done(("0", "1", "ok", "m"), ("2", "1", "ok", "m"))
    plan = make_plan(listing(images), before, "m", 3, Folder.at(str(tmp_path)))
    assert [row["uri"] for row in planned(plan, Folder.at(str(tmp_path)))] == ["1", "3", "4"]
    assert (plan.listed, plan.planned, plan.deferred, plan.bytes) == (10, 3, 5, 6)
    assert plan.by_reason == {"new": 8, "already_done": 2}


def test_nothing_to_do_writes_nothing(tmp_path: Path) -> None:
    for images, before in ([], None), ([("a", "1", 1)], done(("a", "1", "ok", "m"))):
        plan = make_plan(listing(images), before, "m", None, Folder.at(f"{tmp_path}/plan"))
        assert (plan.planned, plan.pieces) == (0, [])
    assert list(tmp_path.iterdir()) == []


def test_counting_alone_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", None)
    plan = make_plan(listing([("a", "1", 7)]), None, "m", None, None)
    assert (plan.planned, plan.bytes, plan.pieces) == (1, 7, [])
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[int] = []
    make_plan(listing([(str(i), "", None) for i in range(7)], batch=3), None, "m", None, None, told.append)
    assert told == [3, 6, 7]


@settings(max_examples=25)
@given(
    uris=st.lists(st.integers(0, 400), max_size=400),
    known=st.dictionaries(
        st.integers(0, 400),
        st.tuples(st.sampled_from("12"), st.sampled_from([*Status]), st.sampled_from(["m", "older"])),
        max_size=60,
    ),
    limit=st.one_of(st.none(), st.integers(1, 500)),
    batch=st.integers(1, 100),
)
def test_pieces_cover_exactly_the_plan(
    uris: list[int], known: dict[int, tuple[str, Status, str]], limit: int | None, batch: int
) -> None:
    """Against the same rules written out in plain Python."""

    def reason(uri: int) -> str:
        if uri not in known:
            return "new"
        version, status, models = known[uri]
        if version != "1":
            return "changed"
        if status in RETRIED:
            return "retried"
        again = (Status.OK, Status.FAILED, Status.CRASHED, Status.TIMEOUT)
        return "model_changed" if models != "m" and status in again else "already_done"

    before = done(*((str(uri), *row) for uri, row in known.items())) if known else None
    unique = list(dict.fromkeys(uris))
    todo = [uri for uri in unique if reason(uri) != "already_done"][:limit]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Folder.at(temporary)
        plan = make_plan(listing([(str(u), "1", u) for u in uris], batch), before, "m", limit, folder)
        rows = planned(plan, folder)
        assert len(folder.names()) == len(plan.pieces)
    assert [row["uri"] for row in rows] == [str(uri) for uri in todo]
    assert [row["replaces"] for row in rows] == [uri in known for uri in todo]
    assert plan.by_reason == Counter(map(reason, unique))
    assert (plan.listed, plan.duplicates) == (len(unique), len(uris) - len(unique))
    assert (plan.planned, plan.bytes) == (len(todo), sum(todo))


@pytest.mark.parametrize(("images", "rows"), [(5, 8), (512, 8), (1000, 15), (6000, 64)])
def test_small_corpora_are_cut_finer(tmp_path: Path, images: int, rows: int) -> None:
    plan = make_plan(listing([(str(i), "", None) for i in range(images)]), None, "m", None, Folder.at(str(tmp_path)))
    assert plan.pieces == [-(-images // rows)]
    assert read_piece(Folder.at(str(tmp_path)), 0, 0).num_rows == min(images, rows)


def test_large_plans_are_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "FILE_ROWS", 4096)
    images: list[Listed] = [(f"s3://b/{i}", "", 1) for i in range(10_000)]
    plan = make_plan(listing(images), None, "m", None, Folder.at(str(tmp_path)))
    assert len(plan.pieces) == 3
    assert [row["uri"] for row in planned(plan, Folder.at(str(tmp_path)))] == [uri for uri, _, _ in images]


def test_a_changed_file_is_planned_again(tmp_path: Path) -> None:
    """From real files, through the listing."""
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"1")
    (row,) = next(iter(Source(str(photo), "*"))).to_pylist()
    before = done((row["uri"], row["version"], "ok", "m"))
    assert make_plan(Source(str(photo), "*"), before, "m", None, None).by_reason == {"already_done": 1}
    assert make_plan(Source(str(photo), "*"), before, "m2", None, None).by_reason == {"model_changed": 1}
    photo.write_bytes(b"12")
    assert make_plan(Source(str(photo), "*"), before, "m", None, None).by_reason == {"changed": 1}
