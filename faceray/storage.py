"""Places: a folder on disk or a prefix in a bucket, addressed the same way."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from faceray import s3
from faceray.errors import UserError

PARTIAL = ".partial"  # how names of files end that are being written


@dataclass(frozen=True)
class StorageOptions:
    """How buckets of S3 and its likes are reached.

    Credentials are not among these: each machine finds its own, in the environment (AWS_ACCESS_KEY_ID, …), in a
    profile or as its role. What is not given is taken from the environment where the job starts, and travels along.

    Args:
        endpoint: URL of the server, for another store than AWS; else AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL.
        profile: section of `~/.aws`, on every machine that works; else AWS_PROFILE.
        region: of the bucket; else AWS_REGION, AWS_DEFAULT_REGION or the profile's.
        anonymous: send no credentials: for what anybody may read.
    """

    endpoint: str = ""
    profile: str = ""
    region: str = ""
    anonymous: bool = False

    def __post_init__(self) -> None:
        profile = () if "AWS_ACCESS_KEY_ID" in os.environ else ("AWS_PROFILE",)  # keys come first, as AWS has it
        self._default("endpoint", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
        self._default("profile", *profile)
        self._default("region", "AWS_REGION", "AWS_DEFAULT_REGION")
        if self.endpoint and (not self.endpoint.startswith(("http://", "https://")) or "@" in self.endpoint):
            raise UserError("--storage.endpoint must be like https://host:port, without user name and password")

    def _default(self, name: str, *variables: str) -> None:
        found = next((os.environ[v] for v in variables if os.environ.get(v)), "")
        object.__setattr__(self, name, getattr(self, name) or found)

    def for_fsspec(self, address: str) -> dict[str, Any]:
        """Arguments for the fsspec file system of an address; none but for S3."""
        return s3.fsspec_options(self) if s3.is_s3(address) else {}

    def for_delta(self, address: str) -> dict[str, str] | None:
        """Arguments for deltalake, for S3 with credentials: never to be saved or shown.

        Raises:
            UserError: there are no credentials, or no such profile.
        """
        return s3.delta_options(self) if s3.is_s3(address) else None


@dataclass(frozen=True)
class Folder:
    """A folder of any fsspec file system. Two are equal when their addresses are."""

    uri: str  # with its protocol, no slash at the end
    storage: StorageOptions = field(default_factory=StorageOptions, compare=False, repr=False)

    @staticmethod
    def at(address: str, storage: StorageOptions | None = None) -> "Folder":
        """From what a user typed: a path or an address.

        Raises:
            UserError: the protocol is unknown or its package is missing.
        """
        storage = storage or StorageOptions()
        system, path = locate(address, storage)
        protocol, _, rest = str(system.unstrip_protocol(path)).partition("://")
        return Folder(f"{protocol}://{rest.rstrip('/')}", storage)

    @cached_property
    def files(self) -> Any:
        """The fsspec file system."""
        return locate(self.uri, self.storage)[0]

    @cached_property
    def path(self) -> str:
        """This folder as its file system names it."""
        return locate(f"{self.uri}/", self.storage)[1].rstrip("/")

    @property
    def is_local(self) -> bool:
        """Whether other machines cannot be expected to see it."""
        return self.uri.startswith("file://")

    def __truediv__(self, name: str) -> "Folder":
        return Folder(f"{self.uri}/{name}", self.storage)

    def write(self, name: str, content: bytes) -> None:
        """Write one file, replacing it; the folder is made where it does not exist. Readers see the file as it was or
        as it is to be: stores have that from themselves, a disk does not.

        Raises:
            UserError: it cannot be written.
        """
        path = f"{self.path}/{name}"
        try:
            if not s3.is_s3(self.uri):  # where there are only keys, and s3fs would make the bucket
                self.files.makedirs(f"{self.path}/", exist_ok=True)
            if self.is_local:
                _replace(path, content)
            else:
                self.files.pipe_file(path, content)
        except Exception as error:  # every file system has its own
            raise UserError(f"cannot write {self.uri}/{name}: {without_secrets(str(error))}") from error

    def check_reachable(self) -> None:
        """Find out within a moment, where later requests have patience.

        Raises:
            UserError: there is no such bucket, it may not be listed, or nobody answers.
        """
        if s3.is_s3(self.uri):
            s3.check(self.uri, self.storage)

    def check_writable(self) -> None:
        """Find out before hours of work.

        Raises:
            UserError: nothing can be written here.
        """
        self.check_reachable()
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
            names = (str(path).rsplit("/", 1)[-1] for path in self.files.ls(f"{self.path}/", detail=False))
            return sorted(name for name in names if name)  # a bucket may have an object for the folder itself
        except (FileNotFoundError, NotADirectoryError):
            return []

    def remove(self, name: str) -> None:
        """Delete a file, or a folder with all in it, if it is there."""
        target = f"{self.path}/{name}"
        if s3.is_s3(self.uri):
            for path in self.files.find(target):
                self.files.rm_file(path)  # s3fs would take the name for a pattern otherwise
        elif self.files.exists(target):
            self.files.rm(target, recursive=True)


def _replace(path: str, content: bytes) -> None:
    partial = f"{path}.{uuid4().hex}{PARTIAL}"  # two may write the same part
    try:
        with open(partial, "wb") as file:
            file.write(content)
        os.replace(partial, path)
    except OSError:
        with suppress(OSError):
            os.unlink(partial)
        raise


def locate(address: str, storage: StorageOptions | None = None) -> tuple[Any, str]:
    """The fsspec file system of an address, reached as `storage` says, and the path in it.

    Raises:
        UserError: the protocol is unknown or its package is missing.
    """
    if "://" not in address or address.startswith("file://"):  # a local name may hold "::", a chain to fsspec
        return LocalFileSystem(), str(LocalFileSystem._strip_protocol(address))
    try:
        if s3.is_s3(address):  # a key may hold "::", too
            system = fsspec.filesystem("s3", **(storage or StorageOptions()).for_fsspec(address))
            return system, str(system._strip_protocol(address))
        system, path = fsspec.url_to_fs(address)
    except (ValueError, ImportError) as error:
        raise UserError(f"cannot open {without_secrets(address)}: {error}") from error
    return system, str(path)


def without_secrets(text: str) -> str:
    """A message or an address without the user names, passwords and query strings (signatures) of URLs in it."""
    text = re.sub(r"://[^/\s'\"]*@", "://", text)
    return re.sub(r"(https?://[^\s?'\"]*)\?[^\s'\"]*", r"\1", text)
