"""What there is to label, as a stream of Arrow batches: folders, files, lists, and the pictures in tars and videos."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import pyarrow as pa

from faceray import s3
from faceray.corpus.address import frame_of, frame_uri, holds_images, is_video, member_of, member_version
from faceray.corpus.decode import Limits
from faceray.corpus.fetch import VIDEO, open_object
from faceray.corpus.listing import LISTING, ROWS, Entry, chunks, image_ids, is_text, listing_batch
from faceray.corpus.lists import INVENTORY, LISTS, ImageList
from faceray.corpus.status import ImageError
from faceray.corpus.tar import members
from faceray.corpus.video import VideoOptions, sample_times
from faceray.corpus.walk import THREADS, entry_of, is_file, walk
from faceray.errors import UserError
from faceray.storage import Folder, StorageOptions, locate, without_secrets

__all__ = ["LISTING", "Source", "image_ids"]


class Source:
    """The images behind `--input`.

    Iterating gives batches of LISTING; `ignored` then counts the files passed over because of their names. The
    members of tar files and frames of videos are listed instead of these. A tar file or video that cannot be listed
    to its end is listed itself, too, so that its row says why.

    Raises:
        UserError: there is nothing at the address, it may not be read, or a list has no addresses in it.
    """

    def __init__(
        self,
        address: str,
        suffixes: str,
        exclude: Iterable[Folder] = (),
        storage: StorageOptions | None = None,
        video: VideoOptions | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.address, self.storage = address, storage or StorageOptions()
        self.video, self.limits = video or VideoOptions(), limits or Limits()
        self.files, self.path = locate(address, self.storage)
        self.suffixes = (
            None if suffixes.strip() == "*" else {f".{s.strip().lstrip('.').lower()}" for s in suffixes.split(",")}
        )
        self.exclude = tuple(f"{folder.uri}/" for folder in exclude)
        self.ignored = 0
        self.is_glob = self._check()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        self.ignored = 0
        with ThreadPoolExecutor(THREADS) as pool:
            for entries in self._entries():
                good = [entry for entry in entries if is_text(entry.uri)]
                self.ignored += len(entries) - len(good)
                images = [entry for entry in good if not holds_images(entry.uri)]
                if images:
                    yield listing_batch(images)
                for group in chunks((entry for entry in good if holds_images(entry.uri)), THREADS):
                    for batches, ignored in pool.map(self._inside, group):
                        self.ignored += ignored
                        yield from batches

    @cached_property
    def is_folder(self) -> bool:
        """Whether everything below the address is listed; not so for a glob, a list or a single file."""
        return not self.is_glob and not self.files.isfile(self.path)

    def covers(self, uri: str) -> bool:
        """Whether the listing would name this address, if there were an image at it."""
        root = Folder.at(self.address, self.storage).uri
        if not self.is_folder or not uri.startswith(f"{root}/") or self._excluded(uri):
            return False
        member = member_of(uri)
        outer = member[0] if member else (frame_of(uri) or (uri, 0))[0]
        names = [outer, *([member[1]] if member else [])]
        return "/." not in outer[len(root) :] and all(self._wanted(name.rpartition("/")[2]) for name in names)

    def _check(self) -> bool:
        """Whether the address is a glob: plain names may have brackets, too."""
        if s3.is_s3(self.address):
            s3.check(self.address, self.storage)
        try:
            if self.files.exists(self.path):
                return False
            if any(c in self.path for c in "*?[") and self.files.glob(self.path):
                return True
        except Exception as error:  # every file system has its own
            raise UserError(f"cannot read {self.address}: {without_secrets(str(error))}") from error
        raise UserError(f"nothing at {self.address}")

    def _entries(self) -> Iterator[list[Entry]]:
        """What was named outright, by a list or by a glob, whatever its ending; in a folder, what is named like it."""
        if self.is_glob:
            found = sorted(self.files.glob(self.path, detail=True).items())
            infos = [info for path, info in found if is_file(info) and not self._excluded(self._uri(path))]
            yield from chunks(entry_of(self.files, info) for info in infos)
        elif self.is_folder:
            yield from self._in_folder()
        elif self.path.lower().endswith(LISTS) or self.path.rpartition("/")[2] == INVENTORY:
            for entries in ImageList(self.address, self.storage):
                yield entries if self.path.lower().endswith(LISTS) else self._named_like_images(entries)
        else:
            yield [entry_of(self.files, self.files.info(self.path))]

    def _in_folder(self) -> Iterator[list[Entry]]:
        folder = Folder.at(self.address, self.storage)
        try:
            for entries in walk(folder, self._excluded):
                yield self._named_like_images(entries, len(folder.uri))
        except (OSError, RuntimeError) as error:
            raise UserError(f"cannot list {self.address}: {without_secrets(str(error))}") from error

    def _named_like_images(self, entries: list[Entry], start: int = 0) -> list[Entry]:
        """Those to look at; the others are counted. Hidden is what has a dot before a name after `start`."""
        ours = [entry for entry in entries if not self._excluded(entry.uri)]
        wanted = [e for e in ours if "/." not in e.uri[start:] and self._wanted(e.uri.rpartition("/")[2])]
        self.ignored += len(ours) - len(wanted)
        return wanted

    def _uri(self, path: str) -> str:
        return str(self.files.unstrip_protocol(path))

    def _excluded(self, uri: str) -> bool:
        return f"{uri}/".startswith(self.exclude)

    def _wanted(self, name: str) -> bool:
        stem, dot, ending = name.rpartition(".")
        wanted = self.suffixes is None or not (dot and stem) or f".{ending.lower()}" in self.suffixes
        return wanted and not name.startswith(".")

    def _inside(self, container: Entry) -> tuple[list[pa.RecordBatch], int]:
        """Batches of what is in a tar file or a video, and how many members are passed over."""
        found, ignored, batches = list[Entry](), 0, []
        try:
            if is_video(container.uri):
                file = open_object(container.uri, self.storage, VIDEO)
                times = sample_times(file, self.video, self.limits)
                found = [Entry(frame_uri(container.uri, time), container.version, None) for time in times]
            else:
                file = open_object(container.uri, self.storage)
                for member in members(file.pread, file.size):
                    uri = f"{container.uri}#{member.name}"
                    if not is_text(uri) or not self._wanted(member.name.rpartition("/")[2]) or holds_images(uri):
                        ignored += 1
                        continue
                    found.append(Entry(uri, member_version(container.version, member.offset), member.size))
                    if len(found) == ROWS:
                        batches.append(listing_batch(found))
                        found = []
        except ImageError:
            found.append(container)
        return [*batches, *([listing_batch(found)] if found else [])], ignored
