"""RecordIO: records by key, and every way a file can end too early."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.datasets import recordio
from faceray.datasets.recordio import RecordFile, whole_number
from faceray.errors import UserError

MAGIC = struct.pack("<I", 0xCED7230A)


def header(*labels: float, scalar: bool = False) -> bytes:
    if scalar:
        return struct.pack("<IfQQ", 0, labels[0], 1, 0)
    return struct.pack("<IfQQ", len(labels), 0, 1, 0) + struct.pack(f"<{len(labels)}f", *labels)


def framed(content: bytes) -> bytes:
    """As dmlc's writer does it: cut at each aligned magic number, which the cut replaces."""
    parts, start = [], 0
    for position in range(0, len(content) - 3, 4):
        if content[position : position + 4] == MAGIC:
            parts.append(content[start:position])
            start = position + 4
    parts.append(content[start:])
    kinds = [0] if len(parts) == 1 else [1] + [2] * (len(parts) - 2) + [3]
    return b"".join(
        MAGIC + struct.pack("<I", kind << 29 | len(part)) + part + b"\0" * (-len(part) % 4)
        for kind, part in zip(kinds, parts, strict=True)
    )


def make(folder: Path, records: dict[int, bytes]) -> Path:
    rec, idx = b"", ""
    for key, record in records.items():
        idx += f"{key}\t{len(rec)}\n"
        rec += framed(record)
    (folder / "train.rec").write_bytes(rec)
    (folder / "train.idx").write_text(idx)
    return folder / "train.rec"


def test_bytes_of_a_record_by_hand(tmp_path: Path):
    """A label of 3.0 and the image `abcde`, as mxnet packs them."""
    (tmp_path / "x.rec").write_bytes(
        bytes.fromhex("0a23d7ce 1d000000 00000000 00004040 0700000000000000 0000000000000000 6162636465 000000")
    )
    (tmp_path / "x.idx").write_text("7\t0\n")
    record = RecordFile(tmp_path / "x.rec").read(7)
    assert record.labels.tolist() == [3.0]
    assert record.content == b"abcde"


def test_records_in_any_order(tmp_path: Path):
    contents = {5: b"five", 0: b"", 17: b"seventeen"}
    records = RecordFile(make(tmp_path, {key: header(key, 9) + image for key, image in contents.items()}))
    assert records.keys.tolist() == [0, 5, 17]
    for key in (17, 0, 5):
        assert records.read(key).content == contents[key]
        assert records.read(key).labels.tolist() == [key, 9]
    with pytest.raises(KeyError):
        records.read(6)
    records.close()


@given(pieces=st.lists(st.sampled_from([MAGIC, b"abcd", b"xy", b"\x00"]), max_size=12))
def test_content_with_the_magic_number_is_put_together_again(tmp_path_factory, pieces):
    image = b"".join(pieces)
    folder = tmp_path_factory.mktemp("rec")
    assert RecordFile(make(folder, {1: header(4.0, scalar=True) + image})).read(1).content == image


@pytest.mark.parametrize("keep", [0, 4, 8, 20, 39])
def test_a_truncated_file_is_one_line(tmp_path: Path, keep: int):
    path = make(tmp_path, {1: header(4.0, scalar=True) + b"0123456789"})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"^[^\n]*train\.rec, record 1: the file ends (before|within) it$"):
        RecordFile(path).read(1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0" * 64, "does not start where the index says"),
        (MAGIC + struct.pack("<I", 2 << 29 | 4) + b"abcd", "does not start"),  # a part of a record that never began
        (MAGIC + struct.pack("<I", 1 << 29 | 4) + b"abcd" + MAGIC + struct.pack("<I", 4) + b"abcd", "does not start"),
        (MAGIC + struct.pack("<I", (1 << 29) - 1), "the file ends within it"),  # half a gigabyte announced
        (MAGIC + struct.pack("<I", 4) + b"abcd", "too short for a header"),
        (framed(struct.pack("<IfQQ", 1 << 31, 0, 0, 0)), "too short for 2147483648 labels"),
        (framed(header(1.0, scalar=True) + b"x" * 200), "more than 100 bytes"),
    ],
)
def test_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str):
    monkeypatch.setattr(recordio, "RECORD_LIMIT", 100)
    (tmp_path / "x.rec").write_bytes(content)
    (tmp_path / "x.idx").write_text("1\t0\n")
    with pytest.raises(UserError, match=message):
        RecordFile(tmp_path / "x.rec").read(1)


@pytest.mark.parametrize("offset", [-8, 1 << 62, 3])
def test_offsets_that_point_elsewhere(tmp_path: Path, offset: int):
    path = make(tmp_path, {1: header(4.0, scalar=True) + b"0123456789"})
    (tmp_path / "train.idx").write_text(f"1\t{offset}\n")
    with pytest.raises(UserError, match="record 1"):
        RecordFile(path).read(1)


@pytest.mark.parametrize("index", ["", "one\t0\n", "1\n", "1\t\n", "1\t0\t0\n", f"1\t{1 << 70}\n"])
def test_a_damaged_index(tmp_path: Path, index: str):
    path = make(tmp_path, {1: b""})
    (tmp_path / "train.idx").write_text(index)
    with pytest.raises(UserError, match=r"^cannot read the index [^\n]*$"):
        RecordFile(path)


def test_absent_files(tmp_path: Path):
    with pytest.raises(UserError, match="cannot read the index"):
        RecordFile(tmp_path / "x.rec")
    (tmp_path / "x.idx").write_text("1\t0\n")
    with pytest.raises(UserError, match="cannot read"):
        RecordFile(tmp_path / "x.rec")


def test_labels_that_float32_can_tell_apart():
    assert whole_number(85741.0) == 85741
    for label in (0.5, np.nan, np.inf, -np.inf, 2.0**24):
        assert whole_number(label) is None
