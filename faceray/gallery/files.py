"""Files of a gallery as FAISS and Parquet want them: on this machine, of the recorded size and content."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faceray.errors import UserError
from faceray.gallery.card import File
from faceray.storage import Folder, without_secrets


class LocalFile:
    """A file of a folder, on this machine: the file itself, or a copy that goes when this object does.

    Raises:
        UserError: it is missing, or not the recorded one.
    """

    def __init__(self, folder: Folder, file: File) -> None:
        self._copies: tempfile.TemporaryDirectory[str] | None = None
        address = f"{folder.uri}/{file.name}"
        try:
            size = int(folder.files.info(f"{folder.path}/{file.name}")["size"])
            same = size == file.bytes and self._fetch(folder, file) == file.sha256
        except FileNotFoundError as error:
            raise UserError(f"{address} is missing: its generation may be gone, open the gallery again") from error
        except Exception as error:  # every file system has its own
            raise UserError(f"cannot read {address}: {without_secrets(str(error))}") from error
        if not same:
            raise UserError(f"{address} is not the file that gallery.json describes: build the gallery anew")

    def _fetch(self, folder: Folder, file: File) -> str:
        """Set `path`, and tell the sha256."""
        source = f"{folder.path}/{file.name}"
        if folder.is_local:
            self.path = Path(source)
        else:
            self._copies = tempfile.TemporaryDirectory(prefix="faceray-")
            self.path = Path(self._copies.name) / file.name
            folder.files.get_file(source, str(self.path))
        with self.path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()


def write_file(folder: Folder, name: str, write: Callable[[Any], None]) -> File:
    """Write a file in pieces, whatever the file system, and tell its size and sha256.

    Args:
        write: is given something with `write(bytes)`.

    Raises:
        UserError: it cannot be written.
    """
    try:
        if folder.is_local:
            folder.files.makedirs(folder.path, exist_ok=True)
        with folder.files.open(f"{folder.path}/{name}", "wb") as file:
            counted = _Counted(file)
            write(counted)
    except OSError as error:
        raise UserError(f"cannot write {folder.uri}/{name}: {without_secrets(str(error))}") from error
    return File(name=name, bytes=counted.bytes, sha256=counted.digest.hexdigest())


class _Counted:
    """A file to write to that counts and hashes on the way."""

    closed = False

    def __init__(self, file: Any) -> None:
        self.file, self.bytes, self.digest = file, 0, hashlib.sha256()

    def write(self, content: Any) -> int:
        self.file.write(content)
        self.digest.update(content)
        self.bytes += len(content)
        return len(content)

    def flush(self) -> None:
        """Arrow asks for it."""

    def tell(self) -> int:
        return self.bytes
