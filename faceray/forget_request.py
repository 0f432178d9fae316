"""What somebody asked to be forgotten: addresses of pictures, beginnings of addresses, faces."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from faceray.corpus.address import is_tar, is_video
from faceray.errors import UserError
from faceray.storage import StorageOptions, locate

_LARGEST_LIST = 1 << 28  # bytes
_FACES = re.compile(r"-?\d+(\s*,\s*-?\d+)*")


@dataclass(frozen=True)
class Request:
    """Addresses are those of the tables' column `uri`, with their protocol."""

    addresses: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    faces: tuple[int, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many of each were named."""
        return {"addresses": len(self.addresses), "prefixes": len(self.prefixes), "faces": len(self.faces)}


def read_request(entries: Iterable[str], list_address: str = "", storage: StorageOptions | None = None) -> Request:
    """From entries, and a text file with one in each line: face ids, a prefix ending in `/` or `*`, or an address.

    The address of a tar file or a video stands for every picture in it, too.

    Raises:
        UserError: there is no entry, or the file cannot be read.
    """
    addresses: set[str] = set()
    prefixes: set[str] = set()
    faces: set[int] = set()
    for text in filter(None, map(str.strip, chain(entries, _lines(list_address, storage)))):
        if not text.rstrip("*/"):
            raise UserError(f"{text!r} would be everything; name at least a folder")
        if _FACES.fullmatch(text):
            faces.update(int(number) for number in text.split(","))
        elif text.endswith("*"):
            prefixes.add(_absolute(text[:-1]))
        elif text.endswith("/"):
            prefixes.add(f"{_absolute(text).rstrip('/')}/")
        else:
            addresses.add(uri := _absolute(text))
            prefixes.update({f"{uri}#"} if is_tar(uri) or is_video(uri) else ())
    if not (addresses or prefixes or faces):
        raise UserError("nothing to forget: no address, prefix or face id was given")
    if any(not -(1 << 63) <= number < 1 << 63 for number in faces):
        raise UserError("face ids are whole numbers of 64 bits")
    return Request(tuple(sorted(addresses)), tuple(sorted(prefixes)), tuple(sorted(faces)))


def _lines(address: str, storage: StorageOptions | None) -> Iterator[str]:
    if not address:
        return
    files, path = locate(address, storage)
    try:
        if files.size(path) > _LARGEST_LIST:
            raise UserError(f"{address} is larger than {_LARGEST_LIST >> 20} MiB")
        yield from files.cat_file(path).decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {address}: {error}") from error


def _absolute(text: str) -> str:
    """As the tables write it; a name without a protocol is a local file's."""
    if "://" in text and not text.startswith("file://"):
        return text
    files, path = locate(text)
    return str(files.unstrip_protocol(path))
