"""Reading LMDB files with every bound checked: the library itself crashes the process on a damaged file."""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faceray.errors import UserError

VALUE_LIMIT = 64 << 20  # bytes
# Data version 1 on 64-bit little-endian machines. A file is an array of pages: two meta pages, which are written in
# turn, and the nodes of a B+tree for each database.
_META = struct.Struct("<II 16x 48s 48s QQ")  # magic, version, free list, main database, last page, transaction
_DATABASE = struct.Struct("<IHH 24x QQ")  # page size (of the free list's), flags, depth, entries, root
_PAGE = struct.Struct("<10xHHH")  # flags, and where the free space begins and ends
_NODE = struct.Struct("<HHHH")  # size of the value or page of the child, low and high; flags; size of the key
_MAGIC, _VERSION = 0xBEEFC0DE, 1
_PAGE_HEADER = 16
_BRANCH, _LEAF, _OVERFLOW = 1, 2, 4
_IN_OVERFLOW = 1  # flag of a node whose value has pages of its own
_NO_ROOT = (1 << 64) - 1
_DEPTH_LIMIT = 32


@dataclass(frozen=True)
class _Tree:
    page_size: int
    root: int
    depth: int
    transaction: int


def entries(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the unnamed database, in the order of the keys' bytes.

    Raises:
        UserError: the file cannot be read, is not of LMDB, or is damaged.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            tree = _newest_tree(content)
            if tree.root != _NO_ROOT:
                yield from _Walk(content, tree).node(tree.root, min(tree.depth, _DEPTH_LIMIT))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error}") from error
    except (ValueError, struct.error) as error:  # an empty file cannot be mapped: ValueError
        raise UserError(f"{path} is not an LMDB file, or is damaged: {error}") from error


def _newest_tree(content: mmap.mmap) -> _Tree:
    first = _tree(content, 0)
    second = _tree(content, first.page_size)
    return max(first, second, key=lambda tree: tree.transaction)


def _tree(content: mmap.mmap, start: int) -> _Tree:
    magic, version, free, main, _, transaction = _META.unpack_from(content, start + _PAGE_HEADER)
    page_size = _DATABASE.unpack(free)[0]
    _, _, depth, _, root = _DATABASE.unpack(main)
    if (magic, version) != (_MAGIC, _VERSION) or not 512 <= page_size <= 65536:
        raise ValueError("no meta page")
    return _Tree(page_size, root, depth, transaction)


class _Walk:
    """Depth first through the pages. Each is visited once at most, however the file links them."""

    def __init__(self, content: mmap.mmap, tree: _Tree) -> None:
        self.content = content
        self.size = tree.page_size
        self.unvisited = len(content) // tree.page_size

    def node(self, page: int, depth: int) -> Iterator[tuple[bytes, bytes]]:
        """The entries at and below a page."""
        self.unvisited -= 1
        if self.unvisited < 0 or depth == 0:
            raise ValueError("its pages form no tree")
        start = self._start(page)
        flags, lower, _ = _PAGE.unpack_from(self.content, start)
        if flags & (_BRANCH | _LEAF) not in (_BRANCH, _LEAF) or not _PAGE_HEADER <= lower <= self.size:
            raise ValueError(f"page {page} is not one of the tree")
        for (offset,) in struct.iter_unpack("<H", self._bytes(start + _PAGE_HEADER, lower - _PAGE_HEADER)):
            if flags & _LEAF:
                yield self._entry(start + offset)
            else:
                low, high, top, _ = _NODE.unpack_from(self.content, start + offset)
                yield from self.node(low | high << 16 | top << 32, depth - 1)

    def _entry(self, at: int) -> tuple[bytes, bytes]:
        low, high, flags, key_size = _NODE.unpack_from(self.content, at)
        at += _NODE.size
        key, value = self._bytes(at, key_size), at + key_size
        if flags & ~_IN_OVERFLOW:
            raise ValueError("it has named databases or several values to a key")
        if flags & _IN_OVERFLOW:
            (page,) = struct.unpack_from("<Q", self.content, value)
            value = self._start(page) + _PAGE_HEADER
        return key, self._bytes(value, low | high << 16)

    def _start(self, page: int) -> int:
        start = page * self.size
        if start + self.size > len(self.content):
            raise ValueError(f"page {page} lies beyond its end")
        return start

    def _bytes(self, start: int, length: int) -> bytes:
        if length > VALUE_LIMIT:
            raise ValueError(f"an entry of more than {VALUE_LIMIT} bytes")
        if start + length > len(self.content):
            raise ValueError("an entry ends beyond its end")
        return self.content[start : start + length]
