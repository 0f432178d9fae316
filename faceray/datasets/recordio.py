"""MXNet's RecordIO files with their index: records by key, without mxnet."""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from faceray.errors import UserError

RECORD_LIMIT = 64 << 20  # bytes of one record, in all its parts
_MAGIC = 0xCED7230A
_HEADER = struct.Struct("<IfQQ")  # flag, label, id, id2
_PARTS = struct.Struct("<II")
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


@dataclass(frozen=True)
class Record:
    """labels: (n,) float32. content: the encoded image, or nothing."""

    labels: NDArray[np.float32]
    content: bytes


class RecordFile:
    """Records of `NAME.rec` by the keys of `NAME.idx`.

    keys: (n,) int64, ascending.
    """

    def __init__(self, path: Path) -> None:
        """Open a `.rec` file.

        Raises:
            UserError: it or its `.idx` is absent, or the index is not two columns of integers.
        """
        self.path = path
        self.keys, self._offsets = _read_index(path.with_suffix(".idx"))
        try:
            self._file = path.open("rb")
            self._size = path.stat().st_size
        except OSError as error:
            raise UserError(f"cannot read {path}: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, key: int) -> Record:
        """One record.

        Raises:
            KeyError: the index does not have it.
            UserError: the file is damaged there, or ends before.
        """
        position = int(np.searchsorted(self.keys, key))
        if position == len(self.keys) or self.keys[position] != key:
            raise KeyError(key)
        return self._unpack(self._record(int(self._offsets[position]), key), key)

    def _record(self, offset: int, key: int) -> bytes:
        """The bytes of a record. It is cut where its content has the magic number, which each cut stands for."""
        record, expected = b"", (_WHOLE, _FIRST)
        while True:
            if not 0 <= offset <= self._size - _PARTS.size:
                raise self._damaged(key, "the file ends before it")
            self._file.seek(offset)
            magic, word = _PARTS.unpack(self._file.read(_PARTS.size))
            kind, length = word >> 29, word & (1 << 29) - 1
            if magic != _MAGIC or kind not in expected:
                raise self._damaged(key, "it does not start where the index says")
            if length > self._size - offset - _PARTS.size:
                raise self._damaged(key, "the file ends within it")
            if len(record) + length > RECORD_LIMIT:
                raise self._damaged(key, f"it has more than {RECORD_LIMIT} bytes")
            record += self._file.read(length)
            if kind in (_WHOLE, _LAST):
                return record
            record += struct.pack("<I", _MAGIC)
            offset += _PARTS.size + length + -length % 4  # parts start at multiples of four
            expected = (_MIDDLE, _LAST)

    def _unpack(self, record: bytes, key: int) -> Record:
        if len(record) < _HEADER.size:
            raise self._damaged(key, "it is too short for a header")
        flag, label, _, _ = _HEADER.unpack_from(record)
        if flag == 0:
            return Record(np.array([label], np.float32), record[_HEADER.size :])
        if 4 * flag > len(record) - _HEADER.size:
            raise self._damaged(key, f"it is too short for {flag} labels")
        return Record(np.frombuffer(record, "<f4", flag, _HEADER.size), record[_HEADER.size + 4 * flag :])

    def _damaged(self, key: int, why: str) -> UserError:
        return UserError(f"{self.path}, record {key}: {why}")


def whole_number(label: float) -> int | None:
    """The label as an integer; None if it is none, or too large for float32 to tell it from its neighbours."""
    return int(label) if math.isfinite(label) and label.is_integer() and abs(label) < 1 << 24 else None


def _read_index(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keys, ascending, and the offsets of their records in bytes."""
    columns = {"key": pa.int64(), "offset": pa.int64()}
    try:
        table = pa.csv.read_csv(
            path,
            read_options=pa.csv.ReadOptions(column_names=list(columns)),
            parse_options=pa.csv.ParseOptions(delimiter="\t"),
            convert_options=pa.csv.ConvertOptions(column_types=columns, null_values=[]),
        )
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(f"cannot read the index {path}: {str(error).splitlines()[0]}") from error
    keys, offsets = (table[name].to_numpy() for name in columns)
    order = np.argsort(keys, kind="stable")
    return keys[order], offsets[order]
