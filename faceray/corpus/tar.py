"""Members of a tar file, found by its headers alone, and read one by one: nothing is ever unpacked."""

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faceray.corpus.status import ImageError, Status

Read = Callable[[int, int], bytes]  # bytes at an offset, so many; fewer only at the end of the file

_BLOCK = tarfile.BLOCKSIZE
_MOST_MEMBERS = 1_000_000  # of one file; what comes after them is refused
_MOST_EXTENSION = 2**20  # bytes of a long name, or of a pax header
_LONG_NAME, _LONG_LINK = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_SKIPPED = (_LONG_LINK, tarfile.XGLTYPE)


@dataclass(frozen=True)
class Member:
    """A file in a tar file. Its name is text from a stranger: good for an address, never for a path.

    Attributes:
        offset: of its first byte, from the start of the tar file.
    """

    name: str
    offset: int
    size: int


def members(read: Read, size: int) -> Iterator[Member]:
    """The regular files of a tar file of `size` bytes: ustar, GNU and pax, not compressed. Only headers are read.

    Raises:
        ImageError: EMPTY; NOT_AN_IMAGE if it does not begin as a tar file does; UNDECODABLE, TRUNCATED or TOO_LARGE
            where the rest cannot be followed, after the members before it.
    """
    at, count = 0, 0
    long: dict[str, str] = {}  # what headers before a member's own say of it
    while header := _header(read, at):
        if header.type in (_LONG_NAME, *_PAX, *_SKIPPED):
            if header.size > _MOST_EXTENSION:
                raise ImageError(Status.UNDECODABLE, f"tar header of {header.size} bytes at {at}")
            content = read(at + _BLOCK, header.size)
            long |= _pax(content) if header.type in _PAX else {}
            if header.type == _LONG_NAME:
                long["path"] = content.rstrip(b"\0").decode("utf-8", "surrogateescape")
        elif header.type == tarfile.GNUTYPE_SPARSE:
            raise ImageError(Status.UNDECODABLE, f"sparse tar member at {at}")
        else:
            header.size = _whole_number(long.get("size"), header.size)
            if at + _BLOCK + _stored(header) > size:
                raise ImageError(Status.TRUNCATED, f"the tar file ends within the member at {at}")
            if header.isreg() and not any(name.startswith("GNU.sparse") for name in long):
                count += 1
                if count > _MOST_MEMBERS:
                    raise ImageError(Status.TOO_LARGE, f"more than {_MOST_MEMBERS} members")
                yield Member(long.get("path", header.name), at + _BLOCK, header.size)
            long = {}
        at += _BLOCK + -(-_stored(header) // _BLOCK) * _BLOCK


def read_member(read: Read, member: Member) -> bytes:
    """The bytes of a member, in one read, which also covers its header.

    Raises:
        ImageError: FETCH_ERROR if something else is there now: the tar file was replaced after it was listed.
    """
    data = read(member.offset - _BLOCK, _BLOCK + member.size)
    try:
        header = tarfile.TarInfo.frombuf(data[:_BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        header = None
    plain = member.name.isascii() and len(member.name) <= 100  # others may be in a header before
    if header is None or header.size != member.size or (plain and header.name != member.name):
        raise ImageError(Status.FETCH_ERROR, "the tar file has changed since it was listed")
    if len(data) < _BLOCK + member.size:
        raise ImageError(Status.TRUNCATED, "the tar file ends within the member")
    return data[_BLOCK:]


def _header(read: Read, at: int) -> tarfile.TarInfo | None:
    """The header at an offset; None at the end."""
    block = read(at, _BLOCK)
    if len(block) < _BLOCK:
        raise ImageError(Status.TRUNCATED if at or block else Status.EMPTY, f"no end mark: the tar file ends at {at}")
    if not block.strip(b"\0"):
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError) as error:
        status = Status.UNDECODABLE if at else Status.NOT_AN_IMAGE
        raise ImageError(status, f"no tar header at {at}: {error}") from None
    if header.size < 0:
        raise ImageError(Status.UNDECODABLE, f"tar member of {header.size} bytes at {at}")
    return header


def _stored(header: tarfile.TarInfo) -> int:
    """Bytes that follow the header: links, folders and devices have none, whatever their headers say."""
    followed = header.isreg() or header.type in (_LONG_NAME, _LONG_LINK)
    return header.size if followed or header.type not in tarfile.SUPPORTED_TYPES else 0


def _pax(content: bytes) -> dict[str, str]:
    """Records `LENGTH KEY=VALUE\\n`, as far as they make sense."""
    found, at = {}, 0
    while at < len(content):
        length, _, _ = content[at : at + 20].partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(content) - at:
            break
        key, _, value = content[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        found[key.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
        at += int(length)
    return found


def _whole_number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 19 else otherwise
