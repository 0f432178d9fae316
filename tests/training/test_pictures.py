"""Pictures of a pack: the right rows, sized, mirrored and augmented by seed; damage is said in a line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.datasets.pack import PACK, SHARDS
from faceray.errors import UserError
from faceray.training.augmentation import Augmentation
from faceray.training.feeds import direct
from faceray.training.pack_labels import read_labels
from faceray.training.pictures import Pictures, Shards
from faceray.vision.align import Crop
from tests.training.packs import make_pack


def pictures_of(*packs: str, size: int = 64, crops: int = 1) -> Pictures:
    found = [read_labels(pack, ()) for pack in packs]
    ends = [np.cumsum([rows for _, rows in pack.shards]).tolist() for pack in found]
    shards = [Shards(p.uri, tuple(name for name, _ in p.shards), tuple(e)) for p, e in zip(found, ends, strict=True)]
    return Pictures(shards, size, crops)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8).filter(any))
def test_every_row_lies_in_one_shard(sizes: list[int]) -> None:
    ends = np.cumsum(sizes).tolist()
    shards = Shards("memory://x", tuple(f"{i}" for i in range(len(sizes))), tuple(ends))
    expected = [(str(i), row) for i, rows in enumerate(sizes) for row in range(rows)]
    assert [shards.find(row) for row in range(sum(sizes))] == expected


def test_rows_of_several_packs_in_the_order_asked_for(tmp_path: Path) -> None:
    pictures = pictures_of(make_pack(tmp_path / "a", 8), make_pack(tmp_path / "b", 8, seed=1))
    table = pictures(pa.table({"pack": [1, 0, 0], "row": [7, 0, 5]}))
    pixels = [np.frombuffer(row.as_buffer(), np.uint8).reshape(1, 64, 64, 3) for row in table["pixels"]]
    assert [bool(p.mean() > 128) for p in pixels] == [True, False, True]  # odd faces are light
    for found, (pack, row) in zip(pixels, [(1, 7), (0, 0), (0, 5)], strict=True):
        assert (found == pictures.one(pack, row)[0]).all()
    assert table["mirrored"].to_pylist() == [False] * 3


def test_pictures_are_brought_to_size_and_crops_stay_apart(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack", 8, Crop("triple_box", 32))
    for size in (16, 32, 50):
        found, _ = pictures_of(pack, size=size, crops=3).one(0, 3)
        assert (found.shape, found.dtype) == ((3, size, size, 3), np.uint8)
    assert len({picture.tobytes() for picture in found}) == 3


def test_feeds_are_batches_for_a_network(tmp_path: Path) -> None:
    one = pictures_of(make_pack(tmp_path / "one", 8), size=32)
    three = pictures_of(make_pack(tmp_path / "three", 8, Crop("triple_box", 32)), size=32, crops=3)
    rows = np.array([[0, 7], [0, 0], [0, 3]])
    assert [tuple(pixels.shape) for pixels, _ in direct(one, rows, 2)] == [(2, 3, 32, 32), (1, 3, 32, 32)]
    assert [tuple(pixels.shape) for pixels, _ in direct(three, rows, 2)] == [(2, 3, 3, 32, 32), (1, 3, 3, 32, 32)]
    (pixels, mirrored), _ = direct(one, rows, 2)
    assert (pixels[0].permute(1, 2, 0).numpy() == one.one(0, 7)[0][0]).all()
    assert mirrored.tolist() == [False, False]


def test_flipping_mirrors_every_one(tmp_path: Path) -> None:
    plain = pictures_of(make_pack(tmp_path / "pack", 8))
    found, mirrored = replace(plain, flip=True).one(0, 2)
    assert mirrored
    assert (found == plain.one(0, 2)[0][:, :, ::-1]).all()


def test_augmentation_depends_on_seed_pack_and_row_alone(tmp_path: Path) -> None:
    plain = pictures_of(make_pack(tmp_path / "pack", 8))
    stage = replace(plain, augmentation=Augmentation(turn=30, shift=0.2, brightness=50), seed=(3, 1))
    first = [stage.one(0, row)[0] for row in (0, 1, 2)]
    again = [replace(stage).one(0, row)[0] for row in (2, 1, 0)][::-1]  # in any order, in any process
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (replace(stage, seed=(3, 2)).one(0, 0)[0] != first[0]).any()
    assert (plain.one(0, 0)[0] != first[0]).any()


def test_few_shards_are_kept_where_memory_is_short(tmp_path: Path) -> None:
    pack = make_pack(tmp_path / "pack", 8)
    frugal, generous = replace(pictures_of(pack), memory=0), pictures_of(pack)
    for row in (0, 7, 1, 6, 0):
        assert (frugal.one(0, row)[0] == generous.one(0, row)[0]).all()


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff\xe0 cut"])
def test_damaged_pictures_are_said_in_a_line(tmp_path: Path, content: bytes) -> None:
    pack = make_pack(tmp_path / "pack", 8)
    shard = tmp_path / "pack" / SHARDS / "shard-0.parquet"
    rows = pq.read_table(shard).to_pylist()
    rows[0]["pictures"] = [content]
    pq.write_table(pa.Table.from_pylist(rows, schema=PACK), shard)
    with pytest.raises(UserError, match=r"damaged pack, shard-0\.parquet"):
        pictures_of(pack).one(0, 0)
