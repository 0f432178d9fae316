"""Places: a folder on disk or a prefix in a bucket, addressed the same way."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from faceray.errors import UserError


@dataclass(frozen=True)
class Folder:
    """A folder of any fsspec file system. Two are equal when their addresses are."""

    uri: str  # with its protocol, no slash at the end

    @staticmethod
    def at(address: str) -> "Folder":
        """From what a user typed: a path or an address.

        Raises:
            UserError: the protocol is unknown or its package is missing.
        """
        system, path = locate(address)
        protocol, _, rest = str(system.unstrip_protocol(path)).partition("://")
        return Folder(f"{protocol}://{rest.rstrip('/')}")

    @cached_property
    def files(self) -> Any:
        """The fsspec file system."""
        return locate(self.uri)[0]

    @cached_property
    def path(self) -> str:
        """This folder as its file system names it."""
        return locate(f"{self.uri}/")[1].rstrip("/")

    @property
    def is_local(self) -> bool:
        """Whether other machines cannot be expected to see it."""
        return self.uri.startswith("file://")

    def __truediv__(self, name: str) -> "Folder":
        return Folder(f"{self.uri}/{name}")

    def write(self, name: str, content: bytes) -> None:
        """Write one file, replacing it; the folder is made where it does not exist.

        Raises:
            UserError: it cannot be written.
        """
        try:
            self.files.makedirs(f"{self.path}/", exist_ok=True)
            self.files.pipe_file(f"{self.path}/{name}", content)
        except (OSError, ValueError) as error:
            raise UserError(f"cannot write {self.uri}/{name}: {error}") from error

    def check_writable(self) -> None:
        """Find out before hours of work.

        Raises:
            UserError: nothing can be written here.
        """
        self.write(".probe", b"")
        self.remove(".probe")

    def read(self, name: str) -> bytes:
        """The content of one file."""
        content: bytes = self.files.cat_file(f"{self.path}/{name}")
        return content

    def names(self) -> list[str]:
        """Names of the files in it, sorted; none where it does not exist."""
        try:
            self.files.invalidate_cache(self.path)
            return sorted(str(p).rsplit("/", 1)[-1] for p in self.files.ls(f"{self.path}/", detail=False))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def remove(self, name: str) -> None:
        """Delete a file, or a folder with all in it, if it is there."""
        target = f"{self.path}/{name}"
        if self.files.exists(target):
            self.files.rm(target, recursive=True)


def locate(address: str, options: Mapping[str, Any] | None = None) -> tuple[Any, str]:
    """The fsspec file system of an address, made with these options, and the path in it. A local one takes none.

    Raises:
        UserError: the protocol is unknown or its package is missing.
    """
    if "://" not in address or address.startswith("file://"):  # a local name may hold "::", a chain to fsspec
        return LocalFileSystem(), str(LocalFileSystem._strip_protocol(address))
    try:
        system, path = fsspec.url_to_fs(address, **(options or {}))
    except (ValueError, ImportError) as error:
        raise UserError(f"cannot open {address}: {error}") from error
    return system, str(path)
