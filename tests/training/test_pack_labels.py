"""Labels of a pack: rows in the order of the shards, parts that share no person, folds."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.datasets.pack import SHARDS
from faceray.errors import UserError
from faceray.training.pack_labels import PackLabels, read_labels
from faceray.vision.align import Crop
from tests.training.packs import make_pack

nan = float("nan")


def pack_of(parts: list[str], subjects: list[str | None] | None = None) -> PackLabels:
    subjects = subjects or [f"s{i}" for i in range(len(parts))]
    columns = {
        "sample_id": pa.array(range(len(parts)), pa.int64()),
        "image": [f"{i}.jpg" for i in range(len(parts))],
        "part": pa.array(parts, pa.string()),
        "subject": pa.array(subjects, pa.string()),
    }
    return PackLabels(
        "made", "memory://made", (("shard-0.parquet", len(parts)),), Crop("similarity", 8), pa.table(columns)
    )


def test_rows_are_numbered_through_all_shards(tmp_path: Path) -> None:
    found = read_labels(make_pack(tmp_path / "pack", 9), ("age", "age", "gender"))
    assert found.labels["sample_id"].to_pylist() == list(range(9))
    assert found.labels.column_names == ["sample_id", "image", "part", "subject", "age", "gender"]
    assert found.shards == (("shard-0.parquet", 4), ("shard-1.parquet", 5))
    assert (found.name, found.crop) == ("made", Crop("similarity", 64))


def test_what_is_missing_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a complete pack"):
        read_labels(str(tmp_path / "nothing"), ())
    pack = make_pack(tmp_path / "pack", 8)
    with pytest.raises(UserError, match="has no column beauty: prepare it again"):
        read_labels(pack, ("age", "beauty"))
    shard = tmp_path / "pack" / SHARDS / "shard-1.parquet"
    pq.write_table(pq.read_table(shard).slice(1), shard)
    with pytest.raises(UserError, match="do not have the 8 samples"):
        read_labels(pack, ())


def test_keypoints_are_shares_of_the_side_from_the_centre_in_a_pack_of_any_size(tmp_path: Path) -> None:
    for size in (32, 64):
        last = size - 1.0  # pixel centres are integers: the picture goes from -0.5 to size - 0.5
        points = [0.0, last, 1.0, last / 2, last / 2, 0.0, nan, nan, nan]
        pack = make_pack(
            tmp_path / str(size), 8, Crop("similarity", size), keypoints=lambda i, p=points: p if i else None
        )
        found = read_labels(pack, ("keypoints",)).labels["keypoints"].to_pylist()
        assert found[0] is None
        edge = 0.5 - 0.5 / size
        assert found[7] == pytest.approx([-edge, edge, 1, 0, 0, 0, nan, nan, nan], nan_ok=True)


def test_official_parts_are_kept() -> None:
    pack = pack_of(["train", "val", "test", "train"])
    assert {part: pack.rows(part).tolist() for part in ("train", "val", "test")} == {
        "train": [0, 3],
        "val": [1],
        "test": [2],
    }


def test_without_people_to_validate_with_a_tenth_is_held_out() -> None:
    pack = pack_of(["train"] * 2000 + ["test"] * 100)
    assert 140 < len(pack.rows("val")) < 260
    assert len(pack.rows("train")) + len(pack.rows("val")) == 2000
    assert len(pack.rows("test")) == 100
    assert (pack_of(["train"] * 2000 + ["test"] * 100).parts == pack.parts).all()  # the same in every worker


def test_of_few_people_somebody_is_held_out() -> None:
    for i in range(10):
        pack = pack_of(["train"] * 20, [f"{i} {j % 5}" for j in range(20)])
        assert 0 < len(pack.rows("val")) < 20


PARTS = st.lists(st.sampled_from(["train", "test"]), min_size=1, max_size=40)


@given(st.lists(st.integers(0, 8), min_size=1, max_size=40), st.integers(2, 5))
def test_nobody_is_in_two_parts_or_two_folds(people: list[int], folds: int) -> None:
    subjects = [f"person {i}" for i in people]
    pack = pack_of(["train"] * len(people), subjects)  # type: ignore[arg-type]
    tested: list[int] = []
    for fold in range(folds):
        split = pack.in_folds(folds, fold)
        who = {part: {subjects[row] for row in split.rows(part)} for part in ("train", "val", "test")}
        assert not who["train"] & who["val"]
        assert not who["test"] & (who["train"] | who["val"])
        tested += split.rows("test").tolist()
    assert sorted(tested) == list(range(len(people)))


@given(PARTS)
def test_every_row_is_in_one_part(parts: list[str]) -> None:
    pack = pack_of(parts)
    rows = np.concatenate([pack.rows(part) for part in ("train", "val", "test")])
    assert sorted(rows.tolist()) == list(range(len(parts)))


def test_faces_without_a_subject_are_drawn_one_by_one() -> None:
    pack = pack_of(["train"] * 50, [None] * 50)
    assert len(set(pack.drawn("x").tolist())) == 50
    together = pack_of(["train"] * 50, ["one"] * 50)
    assert len(set(together.drawn("x").tolist())) == 1
    assert (together.drawn("x") != together.drawn("y")).all()
    assert ((pack.drawn("x") >= 0) & (pack.drawn("x") < 1)).all()
