"""TFRecord files of `tf.train.Example`, without TensorFlow: framing with checksums, and the messages within.

Framing: length as uint64, its checksum, the content, its checksum, all little-endian. The checksum is CRC-32C
(Castagnoli), rotated and shifted ("masked"). The messages are Protocol Buffers with these fields:

    Example    features = 1                          Features   feature = 1, a map: key = 1, value = 2
    Feature    bytes_list = 1, float_list = 2, int64_list = 3          each list   value = 1, repeated
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from faceray.errors import UserError

Feature = list[bytes] | list[int] | list[float]

RECORD_LIMIT = 64 << 20  # bytes
_LENGTH, _CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_BYTES_LIST, _FLOAT_LIST, _INT64_LIST = 1, 2, 3


def read_records(path: Path) -> Iterator[bytes]:
    """The contents of a TFRecord file, one after the other.

    Raises:
        UserError: the file cannot be read, ends within a record, has one above RECORD_LIMIT, or a wrong checksum.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            while head := file.read(_LENGTH.size + _CHECKSUM.size):
                start = file.tell() - len(head)
                if len(head) < _LENGTH.size + _CHECKSUM.size:
                    raise UserError(f"{path} ends within the record at byte {start}")
                (length,) = _LENGTH.unpack_from(head)
                if masked_crc(head[: _LENGTH.size]) != _CHECKSUM.unpack_from(head, _LENGTH.size)[0]:
                    raise UserError(f"{path}: wrong checksum of the length at byte {start}")
                if length > RECORD_LIMIT:
                    raise UserError(f"{path}: the record at byte {start} has more than {RECORD_LIMIT} bytes")
                if length + _CHECKSUM.size > size - file.tell():
                    raise UserError(f"{path} ends within the record at byte {start}")
                content = file.read(length)
                if masked_crc(content) != _CHECKSUM.unpack(file.read(_CHECKSUM.size))[0]:
                    raise UserError(f"{path}: wrong checksum of the record at byte {start}")
                yield content
    except OSError as error:
        raise UserError(f"cannot read {path}: {error}") from error


def frame(content: bytes) -> bytes:
    """A record as it stands in a TFRecord file."""
    length = _LENGTH.pack(len(content))
    return b"".join(
        [length, _CHECKSUM.pack(masked_crc(length)), content, _CHECKSUM.pack(masked_crc(content))],
    )


def masked_crc(data: bytes) -> int:
    """The checksum of TFRecord: CRC-32C rotated right by 15 bits, plus a constant, modulo 2^32."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli): polynomial 0x1EDC6F41, as iSCSI and SSE 4.2 have it."""
    return int(_crc32c(np.frombuffer(data, np.uint8), _TABLE))


def _table() -> NDArray[np.uint32]:
    """The checksum of each single byte, its bits taken from the lowest one up."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(0x82F63B78), table >> 1)
    return table


_TABLE = _table()


@numba.njit(nogil=True)
def _crc32c(data: NDArray[np.uint8], table: NDArray[np.uint32]) -> np.uint32:
    crc = np.uint32(0xFFFFFFFF)
    for byte in data:
        crc = table[(crc ^ byte) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return crc ^ np.uint32(0xFFFFFFFF)


def encode_example(features: Mapping[str, Feature]) -> bytes:
    """A `tf.train.Example`, features in the order of their names. An empty list is written as one of integers."""
    entries = (
        _field(1, _field(1, name.encode()) + _field(2, _encode_feature(features[name]))) for name in sorted(features)
    )
    return _field(1, b"".join(entries))


def decode_example(content: bytes) -> dict[str, Feature]:
    """The features of a `tf.train.Example` by name.

    Raises:
        ValueError: it is not one.
    """
    features: dict[str, Feature] = {}
    for number, message in _fields(content):
        for entry in _messages(message, 1) if number == 1 else ():
            parts = dict(_fields(entry))
            key = parts.get(1, b"")
            if not isinstance(key, bytes):
                raise ValueError("a feature's name is not text")
            features[key.decode()] = _decode_feature(parts.get(2, b""))
    return features


def _encode_feature(values: Feature) -> bytes:
    if values and isinstance(values[0], bytes):
        return _field(_BYTES_LIST, b"".join(_field(1, value) for value in values if isinstance(value, bytes)))
    if values and isinstance(values[0], float):
        return _field(_FLOAT_LIST, _field(1, struct.pack(f"<{len(values)}f", *values)))
    integers = (_encode_varint(value & (1 << 64) - 1) for value in values if isinstance(value, int))
    return _field(_INT64_LIST, _field(1, b"".join(integers)))


def _decode_feature(message: bytes | int) -> Feature:
    kinds = _fields(message)
    if not kinds:
        return []
    kind, values = kinds[-1]  # of a `oneof` the last one counts
    if kind == _BYTES_LIST:
        return _messages(values, 1)
    if kind == _FLOAT_LIST:
        return [x for packed in _messages(values, 1) for x in _floats(packed)]
    if kind == _INT64_LIST:
        return [_signed(x) for value in _values(values) for x in _integers(value)]
    raise ValueError(f"a feature of unknown kind {kind}")


def _values(message: bytes | int) -> Sequence[bytes | int]:
    return [value for number, value in _fields(message) if number == 1]


def _messages(message: bytes | int, field: int) -> list[bytes]:
    """The strings or messages of one field."""
    found = [value for number, value in _fields(message) if number == field]
    if not all(isinstance(value, bytes) for value in found):
        raise ValueError(f"field {field} is not a string of bytes")
    return [value for value in found if isinstance(value, bytes)]


def _integers(value: bytes | int) -> Iterator[int]:
    """One integer, or many packed."""
    if isinstance(value, int):
        yield value
        return
    position = 0
    while position < len(value):
        number, position = _decode_varint(value, position)
        yield number


def _floats(packed: bytes) -> tuple[float, ...]:
    if len(packed) % 4:
        raise ValueError("a list of floats of odd length")
    return struct.unpack(f"<{len(packed) // 4}f", packed)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _field(number: int, content: bytes) -> bytes:
    return _encode_varint(number << 3 | _BYTES) + _encode_varint(len(content)) + content


def _fields(message: bytes | int) -> list[tuple[int, bytes | int]]:
    """Number and content of each field of a message; numbers of fixed width stay as their bytes."""
    if isinstance(message, int):
        raise ValueError("a number where a message should be")
    fields: list[tuple[int, bytes | int]] = []
    position = 0
    while position < len(message):
        tag, position = _decode_varint(message, position)
        wire = tag & 7
        if wire == _VARINT:
            value, position = _decode_varint(message, position)
            fields.append((tag >> 3, value))
            continue
        if wire == _BYTES:
            length, position = _decode_varint(message, position)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"unknown wire type {wire}")
        if length > len(message) - position:
            raise ValueError("the message ends within a field")
        fields.append((tag >> 3, message[position : position + length]))
        position += length
    return fields


def _encode_varint(value: int) -> bytes:
    """Seven bits in each byte, the lowest first; the highest bit says that more follow."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _decode_varint(data: bytes, position: int) -> tuple[int, int]:
    """The value, and where the next field starts."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("the message ends within a number")
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value & (1 << 64) - 1, position
    raise ValueError("a number of more than ten bytes")
