"""LMDB packs: out to the original's loader, in from the original's writer."""

from pathlib import Path

import lmdb
import msgpack
import pytest

from faceray.datasets import lmdb_pack
from faceray.datasets.lmdb_pack import LmdbOptions, read_lmdb_pack, write_lmdb_pack
from faceray.datasets.sample import Sample
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out

Values = dict[bytes, object]


def write(path: Path, values: Values) -> None:
    """As the original's imagelist2lmdb and folder2lmdb."""
    database = lmdb.open(str(path), subdir=False, lock=False, map_size=1 << 24)
    with database, database.begin(write=True) as transaction:
        for key, value in values.items():
            transaction.put(key, value if isinstance(value, bytes) else msgpack.dumps(value))


def original(labels: list[int], classes: int) -> Values:
    keys = [str(i).encode("ascii") for i in range(len(labels))]
    images: Values = {key: (b"JPEG" + key, label) for key, label in zip(keys, labels, strict=True)}
    return images | {b"__keys__": keys, b"__len__": len(keys), b"__classnum__": classes}


def load(path: Path) -> tuple[list[tuple[bytes, int]], int, int]:
    """As the original's loader: every image and label by the keys that the file lists."""
    with lmdb.open(str(path), subdir=False, readonly=True, lock=False) as database, database.begin() as transaction:
        keys, length, classes = (
            msgpack.loads(transaction.get(name)) for name in (b"__keys__", b"__len__", b"__classnum__")
        )
        return [tuple(msgpack.loads(transaction.get(key))) for key in keys], length, classes


def samples_of(**labels: list) -> list[Sample]:
    ((name, values),) = labels.items()
    return [Sample(image=f"{i}.jpg", data=b"JPEG%d" % i, **{name: value}) for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("attribute", "labels", "expected"),
    [
        ("race", [0, 4, 2], ["White", "Other", "Asian"]),
        ("gender", [1, 0], [1, 0]),
        ("age", [0, 31, 100], [0.0, 31.0, 100.0]),
        ("recognition", [3, 3, 0], ["3", "3", "0"]),
    ],
)
def test_in_from_the_originals_writer(tmp_path: Path, attribute: str, labels: list[int], expected: list):
    write(tmp_path / "a.lmdb", original(labels, max(labels) + 1))
    samples, dropped = sort_out(read_lmdb_pack(tmp_path, LmdbOptions(attribute=attribute)))
    assert not dropped
    field = "identity" if attribute == "recognition" else attribute
    assert [getattr(sample, field) for sample in samples] == expected
    assert {sample.split for sample in samples} == {None}
    (tmp_path / "a.lmdb").rename(tmp_path / "race_val.lmdb")
    assert {sample.split for sample in read_lmdb_pack(tmp_path, LmdbOptions(attribute=attribute))} == {"val"}
    assert (samples[1].image, samples[1].data) == ("a.lmdb#1", b"JPEG1")


@pytest.mark.parametrize(
    ("attribute", "samples", "labels", "classes"),
    [
        ("race", samples_of(race=["White", "Other", "Asian"]), [0, 4, 2], 5),
        ("gender", samples_of(gender=[0, 1, 0]), [0, 1, 0], 2),
        ("age", samples_of(age=[30.0, 0.0, 99.6]), [30, 0, 100], 100),  # the original counts one bit for each year
        ("recognition", samples_of(identity=["b", "a", "b"]), [0, 1, 0], 2),
    ],
)
def test_out_to_the_originals_loader(tmp_path: Path, attribute, samples, labels, classes):
    assert write_lmdb_pack(tmp_path / "a.lmdb", samples, LmdbOptions(attribute)) == {"written": 3}
    images = [sample.data for sample in samples]
    assert load(tmp_path / "a.lmdb") == (list(zip(images, labels, strict=True)), 3, classes)
    assert [path.name for path in tmp_path.iterdir()] == ["a.lmdb"]


def test_round_trip_in_several_transactions_of_a_file_that_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = lmdb.open
    monkeypatch.setattr(lmdb_pack, "_BATCH", 7)
    monkeypatch.setattr(lmdb, "open", lambda *args, **kwargs: real(*args, **kwargs | {"map_size": 1 << 16}))
    out = [Sample(image="", data=bytes([i]) * 9000, age=float(i)) for i in range(100)]
    write_lmdb_pack(tmp_path / "a.lmdb", out, LmdbOptions("age"))
    back, _ = sort_out(read_lmdb_pack(tmp_path / "a.lmdb", LmdbOptions("age")))
    assert sorted((s.age, s.data) for s in back) == [(s.age, s.data) for s in out]
    assert [s.image for s in back[:3]] == ["a.lmdb#0", "a.lmdb#1", "a.lmdb#10"]


def test_what_is_left_out_is_counted(tmp_path: Path):
    out = [
        *samples_of(age=[30.0, 101.0, None]),
        Sample(image="x.jpg", age=3.0),
    ]
    counts = write_lmdb_pack(tmp_path / "a.lmdb", out, LmdbOptions("age"))
    assert counts == {"written": 1, "no age, or out of range": 2, "no encoded image": 1}


def test_an_empty_pack(tmp_path: Path):
    assert write_lmdb_pack(tmp_path / "a.lmdb", []) == {}
    assert load(tmp_path / "a.lmdb") == ([], 0, 0)
    assert list(read_lmdb_pack(tmp_path)) == []


def test_labels_out_of_range_are_dropped(tmp_path: Path):
    write(tmp_path / "a.lmdb", original([0, 5, -1], 6))
    samples, dropped = sort_out(read_lmdb_pack(tmp_path, LmdbOptions("race")))
    assert len(samples) == 1
    assert reasons(dropped) == {"race out of range": 2}


def test_a_database_that_is_a_folder(tmp_path: Path):
    (tmp_path / "a.lmdb").mkdir()
    write(tmp_path / "a.lmdb" / "data.mdb", original([1], 2))
    for root in (tmp_path, tmp_path / "a.lmdb"):
        (sample,), _ = sort_out(read_lmdb_pack(root))
        assert sample.image == "a.lmdb#0"


def test_text_and_bytes_of_old_writers(tmp_path: Path):
    write(
        tmp_path / "a.lmdb",
        original([], 0) | {b"0": msgpack.packb((b"\xff\xd8", 3), use_bin_type=False), b"__len__": 1},
    )
    (sample,), _ = sort_out(read_lmdb_pack(tmp_path))
    assert (sample.data, sample.identity) == (b"\xff\xd8", "3")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"\x04\x22\x4d\x18 frame", r"a\.lmdb#0 is in the format of pyarrow\.serialize"),
        (b"\x80\x04]\x94.", r"a\.lmdb#0 is not"),  # a pickle
        (b"\xc6\xff\xff\xff\xffx", r"a\.lmdb#0 is not MessagePack"),  # bytes of 4 GiB
        (b"\xdd\xff\xff\xff\xff", r"a\.lmdb#0 is not MessagePack"),  # a list of 4 billion
        (b"\x91" * 5000, r"a\.lmdb#0 is not MessagePack"),
        ([b"JPEG", "7"], r"a\.lmdb#0 is not an image and a number"),
        ([7, 7], "not an image and a number"),
        (7, "not an image and a number"),
    ],
)
def test_other_values_are_refused_in_one_line(tmp_path: Path, value: object, message: str):
    write(tmp_path / "a.lmdb", original([0], 1) | {b"0": value})
    with pytest.raises(UserError, match=message) as raised:
        list(read_lmdb_pack(tmp_path))
    assert "\n" not in str(raised.value)


def test_fewer_entries_than_announced(tmp_path: Path):
    write(tmp_path / "a.lmdb", original([0, 1], 2) | {b"__len__": 3})
    with pytest.raises(UserError, match="announces 3 images and has 2"):
        list(read_lmdb_pack(tmp_path))


def test_nothing_is_overwritten(tmp_path: Path):
    write_lmdb_pack(tmp_path / "a.lmdb", [])
    with pytest.raises(UserError, match="exists already"):
        write_lmdb_pack(tmp_path / "a.lmdb", [])


def test_an_empty_folder(tmp_path: Path):
    with pytest.raises(UserError, match=r"no \.lmdb files"):
        list(read_lmdb_pack(tmp_path))
