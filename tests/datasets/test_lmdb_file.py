"""The LMDB reader against the library, and against files that crash the library."""

import contextlib
import random
import struct
from pathlib import Path

import lmdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceray.datasets.lmdb_file import entries
from faceray.errors import UserError


def write(path: Path, content: dict[bytes, bytes]) -> Path:
    database = lmdb.open(str(path), subdir=False, lock=False, map_size=1 << 26)
    with database, database.begin(write=True) as transaction:
        for key, value in content.items():
            transaction.put(key, value)
    return path


def varied(count: int) -> dict[bytes, bytes]:
    """Small values within the nodes and large ones in pages of their own; enough for branches."""
    return {str(i).encode(): bytes([i % 256]) * (i * 37 % 9000) for i in range(count)}


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> bytes:
    return write(tmp_path_factory.mktemp("lmdb") / "x.lmdb", varied(500)).read_bytes()


@settings(max_examples=30)
@given(content=st.dictionaries(st.binary(min_size=1, max_size=300), st.binary(max_size=6000), max_size=80))
def test_what_the_library_wrote_comes_back(tmp_path_factory, content):
    path = write(tmp_path_factory.mktemp("lmdb") / "x.lmdb", content)
    assert list(entries(path)) == sorted(content.items())


def test_many_entries_and_many_transactions(tmp_path: Path):
    path = write(tmp_path / "x.lmdb", varied(4000))
    write(path, {b"5": b"changed", b"new": b"added"})
    assert dict(entries(path)) == varied(4000) | {b"5": b"changed", b"new": b"added"}


def test_an_empty_database(tmp_path: Path):
    assert list(entries(write(tmp_path / "x.lmdb", {}))) == []


@pytest.mark.parametrize("part", [0.0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_one_line(tmp_path: Path, sound: bytes, part: float):
    (tmp_path / "x.lmdb").write_bytes(sound[: int(len(sound) * part)])
    with pytest.raises(UserError, match=r"^[^\n]*x\.lmdb is not an LMDB file, or is damaged: [^\n]*$"):
        list(entries(tmp_path / "x.lmdb"))


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_never_crashes(tmp_path: Path, sound: bytes, seed: int):
    chance, content = random.Random(seed), bytearray(sound)
    for _ in range(300):
        content[chance.randrange(len(content))] = chance.randrange(256)
    (tmp_path / "x.lmdb").write_bytes(content)
    found = []
    with contextlib.suppress(UserError):
        found.extend(entries(tmp_path / "x.lmdb"))
    assert sum(len(value) for _, value in found) < 10 * len(sound)


def test_pages_that_link_in_a_circle(tmp_path: Path, sound: bytes):
    content, size = bytearray(sound), 4096
    root = struct.unpack_from("<Q", content, _newest(content) + 16 + 24 + 48 + 40)[0]
    start = root * size
    (first,) = struct.unpack_from("<H", content, start + 16)
    assert struct.unpack_from("<H", content, start + 10)[0] & 1  # a branch
    struct.pack_into("<HHH", content, start + first, root, 0, 0)  # whose first child is itself
    (tmp_path / "x.lmdb").write_bytes(content)
    with pytest.raises(UserError, match="its pages form no tree"):
        list(entries(tmp_path / "x.lmdb"))


def _newest(content: bytes) -> int:
    return max((0, 4096), key=lambda start: struct.unpack_from("<Q", content, start + 16 + 24 + 96 + 8)[0])


def test_other_files(tmp_path: Path):
    (tmp_path / "x.lmdb").write_bytes(b"SQLite format 3\0" * 1000)
    with pytest.raises(UserError, match="no meta page"):
        list(entries(tmp_path / "x.lmdb"))
    with pytest.raises(UserError, match="cannot read"):
        list(entries(tmp_path / "absent.lmdb"))


def test_several_values_to_a_key_are_refused(tmp_path: Path):
    with lmdb.open(str(tmp_path / "x.lmdb"), subdir=False, lock=False, max_dbs=1) as database:
        database.open_db(b"named")
    with pytest.raises(UserError, match="named databases"):
        list(entries(tmp_path / "x.lmdb"))
