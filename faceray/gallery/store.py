"""Where a gallery's generations are: a folder on any fsspec file system.

CURRENT                          name of the generation that readers open
generations/NAME/gallery.json    what it is, and which shards it has; written when they are all there
shards/NAME-00000.faiss          vectors; shared by the generations that have not changed them
shards/NAME-00000.parquet        a row for each of them
BUILDING                         name of the build that was begun last
plans/NAME/                      what its shards will have, while it goes on
"""

from dataclasses import replace
from typing import Any

from faceray.errors import UserError
from faceray.gallery.card import MOST_CARD_BYTES, GalleryCard, card_from_json, card_to_json, check_name
from faceray.storage import Folder, StorageOptions, without_secrets

_CURRENT, _BUILDING, _CARD = "CURRENT", "BUILDING", "gallery.json"
_OURS = {_CURRENT, _BUILDING, "generations", "shards", "plans"}


class Store:
    """The generations of a gallery."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.shards, self.plans = folder / "shards", folder / "plans"

    @classmethod
    def at(cls, uri: str, storage: StorageOptions | None = None) -> "Store":
        """The gallery at an address; there may be none yet."""
        return cls(Folder.at(uri, storage))

    @property
    def current(self) -> str | None:
        """Name of the generation that readers open; None before the first.

        Raises:
            UserError: CURRENT cannot be read, or is no name.
        """
        name = self._small(_CURRENT)
        try:
            return check_name(name) if name else None
        except UserError as error:
            raise UserError(f"{self.folder.uri}/{_CURRENT} is damaged: {error}; {self._complete()}") from error

    def card(self, generation: str | None = None) -> GalleryCard:
        """What the current generation is, or the one named.

        Raises:
            UserError: there is none, or it is damaged.
        """
        name = check_name(generation) if generation else self.current
        if name is None:
            raise UserError(f"no gallery at {self.folder.uri}")
        text = self._read(self.folder / "generations" / name, _CARD, MOST_CARD_BYTES)
        if text is None:
            raise UserError(f"the gallery {self.folder.uri} has no generation {name}; {self._complete()}")
        return card_from_json(text, f"{self.folder.uri}/generations/{name}/{_CARD}")

    def generations(self) -> list[str]:
        """Names of all that are complete, oldest first."""
        current = self.current
        return [name for name in self._written() if current and name <= current]

    def _written(self) -> list[str]:
        """Those with a card. Some stores keep folders whose files are gone; on a disk, a kill may leave such ones."""
        folder = self.folder / "generations"
        return [name for name in folder.names() if _CARD in (folder / name).names()]

    def _complete(self) -> str:
        """The generations that CURRENT may name, in words."""
        return f"those that are there: {', '.join(self._written()) or 'none'}"

    def save(self, card: GalleryCard) -> None:
        """Write, or replace at once, the `gallery.json` of a generation whose shards are there."""
        _replace(self.folder / "generations" / card.generation, _CARD, card_to_json(card).encode())

    def begin(self, generation: str) -> None:
        """Announce a build, and take away what builds that ended half-way have left.

        Raises:
            UserError: the folder is something else's, or cannot be written.
        """
        strangers = sorted(set(self.folder.names()) - _OURS)
        if strangers:
            raise UserError(f"{self.folder.uri} has files that are not a gallery's ({strangers[0]}): choose another")
        _replace(self.folder, _BUILDING, generation.encode())
        self._sweep(set(self.generations()))

    def publish(self, card: GalleryCard, keep: int) -> None:
        """Make a generation current, and take away all but the newest `keep`.

        Raises:
            UserError: another build has begun meanwhile.
        """
        if self._small(_BUILDING) != card.generation:
            raise UserError(f"another build of {self.folder.uri} has begun meanwhile; this one is dropped")
        self.save(card)
        _replace(self.folder, _CURRENT, card.generation.encode())
        self._sweep(set(self.generations()[-keep:]))

    def _sweep(self, kept: set[str]) -> None:
        """Delete all that does not belong to these generations. Readers of the others have had their time."""
        for name in (self.folder / "generations").names():
            if name not in kept:
                (self.folder / "generations").remove(name)
        files = {file.name for name in kept for file in self.card(name).files}
        for name in self.shards.names():
            if name not in files:
                self.shards.remove(name)
        self.folder.remove("plans")

    def _small(self, name: str) -> str:
        return (self._read(self.folder, name, 1000) or "").strip()

    def _read(self, folder: Folder, name: str, most: int) -> str | None:
        """A small text file; None where there is none."""
        try:
            with folder.files.open(f"{folder.path}/{name}", "rb") as file:
                content = file.read(most + 1)
        except FileNotFoundError:
            return None
        except Exception as error:  # every file system has its own
            raise UserError(f"cannot read {folder.uri}/{name}: {without_secrets(str(error))}") from error
        if len(content) > most:
            raise UserError(f"{folder.uri}/{name} is larger than {most:,} bytes")
        return str(content, "utf-8", "replace")


def save_calibration(
    uri: str, calibration: dict[str, Any], generation: str | None = None, storage: StorageOptions | None = None
) -> GalleryCard:
    """Replace the calibration of a gallery's generation, the current one where none is named, in one step.

    Raises:
        UserError: there is no such generation, or it cannot be written.
    """
    store = Store.at(uri, storage)
    card = replace(store.card(generation), calibration=calibration)
    store.save(card)
    return card


def _replace(folder: Folder, name: str, content: bytes) -> None:
    """Readers see the old file or the new one. Buckets write like that; on a disk it takes a second name."""
    if not folder.is_local:
        folder.write(name, content)
        return
    folder.write(f".{name}", content)
    folder.files.mv(f"{folder.path}/.{name}", f"{folder.path}/{name}")
