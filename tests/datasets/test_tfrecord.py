"""TFRecord and tf.train.Example against known bytes, against Google's protobuf, and against damage."""

import contextlib
import struct
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from faceray.datasets import tfrecord
from faceray.datasets.tfrecord import crc32c, decode_example, encode_example, frame, masked_crc, read_records
from faceray.errors import UserError

EXAMPLE = {"image/encoded": [b"JPEG"], "image/label": [1, 0, 0, 1]}
EXAMPLE_BYTES = (
    b"\x0a\x34"  # features, of 52 bytes
    b"\x0a\x19\x0a\x0dimage/encoded"  # an entry of 25: its key
    b"\x12\x08\x0a\x06\x0a\x04JPEG"  # its value: a list of bytes
    b"\x0a\x17\x0a\x0bimage/label"
    b"\x12\x08\x1a\x06\x0a\x04\x01\x00\x00\x01"  # a list of integers, packed
)


def google_example():
    """`tf.train.Example` as Google's own library builds it from a description of the messages."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="t", syntax="proto3")

    def message(name, *fields, parent=None):
        found = (parent.nested_type if parent else file.message_type).add(name=name)
        for number, (label, kind, type_name) in enumerate(fields, start=1):
            name = "value" if len(fields) == 1 else f"f{number}"
            found.field.add(name=name, number=number, label=label, type=kind, type_name=type_name)
        return found

    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    message("BytesList", (many, field.TYPE_BYTES, None))
    message("FloatList", (many, field.TYPE_FLOAT, None))
    message("Int64List", (many, field.TYPE_INT64, None))
    lists = [(one, field.TYPE_MESSAGE, f".t.{kind}List") for kind in ("Bytes", "Float", "Int64")]
    message("Feature", *lists)
    features = message("Features", (many, field.TYPE_MESSAGE, ".t.Features.Entry"))
    entry = message("Entry", (one, field.TYPE_STRING, None), (one, field.TYPE_MESSAGE, ".t.Feature"), parent=features)
    entry.field[0].name, entry.field[1].name = "key", "value"
    entry.options.map_entry = True
    message("Example", (one, field.TYPE_MESSAGE, ".t.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Example"))


GoogleExample = google_example()
lists = (
    st.lists(st.binary(), min_size=1)
    | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1)
    | st.lists(st.floats(width=32, allow_nan=False), min_size=1)
)


@pytest.mark.parametrize(
    ("data", "crc"),
    [  # RFC 3720, B.4, and the check value of the polynomial
        (b"", 0),
        (b"123456789", 0xE3069283),
        (b"\x00" * 32, 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_crc32c(data: bytes, crc: int):
    assert crc32c(data) == crc


def test_the_first_bytes_of_every_event_file():
    """TensorBoard's files start with a record of 24 bytes."""
    assert frame(b"\x09" * 24)[:12].hex() == "1800000000000000a37f4b22"


def test_known_bytes_of_an_example():
    assert encode_example(EXAMPLE) == EXAMPLE_BYTES
    assert decode_example(EXAMPLE_BYTES) == EXAMPLE


@given(features=st.dictionaries(st.text(max_size=5), lists, max_size=4))
def test_both_ways_as_google_has_it(features):
    theirs = GoogleExample.FromString(encode_example(features))
    names = {bytes: "f1", float: "f2", int: "f3"}
    read = {key: list(getattr(f, names[type(features[key][0])]).value) for key, f in theirs.value.value.items()}
    assert read == features
    assert decode_example(theirs.SerializeToString()) == features


def test_lists_that_are_not_packed():
    feature = b"\x1a\x04\x08\x05\x08\x07"  # int64_list, the field `value` twice
    entry = b"\x0a\x01x\x12" + bytes([len(feature)]) + feature
    features = b"\x0a" + bytes([len(entry)]) + entry
    assert decode_example(b"\x0a" + bytes([len(features)]) + features) == {"x": [5, 7]}


@pytest.mark.parametrize("content", [b"\x0a\x7f", b"\x0a", b"\x0a\xff" * 20, b"\x0f", b"\x08\x01", b"\x0b" * 9])
def test_what_is_no_example(content: bytes):
    with pytest.raises(ValueError, match=r"ends within|ten bytes|wire type|a number where"):
        decode_example(content)


@given(content=st.binary())
def test_any_bytes_are_read_or_refused(content):
    with contextlib.suppress(ValueError):
        assert all(isinstance(name, str) for name in decode_example(content))


@given(records=st.lists(st.binary(), max_size=5))
def test_records_come_back(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("records") / "x.tfrecord"
    path.write_bytes(b"".join(map(frame, records)))
    assert list(read_records(path)) == records


@pytest.mark.parametrize("keep", [1, 11, 12, 14, 15, 18])
def test_a_truncated_file(tmp_path: Path, keep: int):
    (tmp_path / "x").write_bytes(frame(b"abc")[:keep])
    with pytest.raises(UserError, match=r"^[^\n]*x ends within the record at byte 0$"):
        list(read_records(tmp_path / "x"))


@pytest.mark.parametrize(("position", "message"), [(0, "of the length"), (9, "of the length"), (13, "of the record")])
def test_a_flipped_bit(tmp_path: Path, position: int, message: str):
    content = bytearray(frame(b"first") + frame(b"abc"))
    content[len(frame(b"first")) + position] ^= 1
    (tmp_path / "x").write_bytes(content)
    records = read_records(tmp_path / "x")
    assert next(records) == b"first"
    with pytest.raises(UserError, match=f"wrong checksum {message} at byte 21"):
        next(records)


def test_absurd_lengths(tmp_path: Path):
    length = struct.pack("<Q", 1 << 62)
    (tmp_path / "x").write_bytes(length + struct.pack("<I", masked_crc(length)) + b"abc")
    with pytest.raises(UserError, match=f"more than {tfrecord.RECORD_LIMIT} bytes"):
        list(read_records(tmp_path / "x"))


def test_an_absent_file(tmp_path: Path):
    with pytest.raises(UserError, match="cannot read"):
        list(read_records(tmp_path / "x"))
