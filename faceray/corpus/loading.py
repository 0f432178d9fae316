"""The first stage: from a piece of the plan to pixels, or a status."""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, groupby
from typing import Any, NoReturn

import cv2
import pyarrow as pa

from faceray.corpus.address import frame_of, holds_images, is_video, member_of
from faceray.corpus.decode import Limits, Picture, decode
from faceray.corpus.fetch import HEADERS, VIDEO, fetch, open_object
from faceray.corpus.listing import LISTING
from faceray.corpus.plan import read_piece
from faceray.corpus.status import ImageError, Status
from faceray.corpus.tar import members
from faceray.corpus.video import check_video, pictures
from faceray.storage import Folder, StorageOptions

# One row for each image, from here to the end of the pipeline. `pixels` are height * width * 3 bytes of RGB.
LOADED = pa.schema(
    [
        *LISTING,
        ("replaces", pa.bool_()),
        ("status", pa.string()),
        ("error", pa.string()),
        ("sha256", pa.string()),
        ("format", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("pixels", pa.large_binary()),
        ("load_seconds", pa.float64()),
    ]
)
Row = dict[str, Any]


def travelling(given: pa.Schema, expected: pa.Schema, result: pa.Schema) -> pa.Schema:
    """The schema of a stage's result: columns that it was given and did not expect travel along."""
    return pa.schema([*result, *(f for f in given if f.name not in expected.names)])


def load_picture(uri: str, limits: Limits, storage: StorageOptions | None = None) -> Picture:
    """The picture at an address: a file's, a tar member's or a video frame's.

    Raises:
        ImageError: as `fetch` and `decode` do.
    """
    if frame := frame_of(uri):
        video, seconds = frame
        (found,) = pictures(open_object(video, storage or StorageOptions(), VIDEO), [seconds], limits)
        if isinstance(found, ImageError):
            raise found
        return found
    return decode(fetch(uri, limits, storage), _name(uri), limits)


class Load:
    """Fetch and decode: rows of (file, group), pieces of the plan, become rows of LOADED.

    A plan whose rows come from a container has a column `data` with the encoded images; these are not fetched.
    """

    def __init__(self, plan: Folder, limits: Limits, threads: int, storage: StorageOptions | None = None) -> None:
        self.plan, self.limits, self.threads = plan, limits, threads
        self.storage = storage or StorageOptions()
        self.beat: Callable[[], None] | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        return self.work(self.rows(batch))

    def rows(self, batch: pa.Table) -> pa.Table:
        """The images of pieces, as planned."""
        if not batch.num_rows:
            return LISTING.empty_table()
        return pa.concat_tables(read_piece(self.plan, piece["file"], piece["group"]) for piece in batch.to_pylist())

    def work(self, rows: pa.Table) -> pa.Table:
        """Planned images become rows of LOADED."""
        cv2.setNumThreads(1)
        start = time.perf_counter()
        with ThreadPoolExecutor(self.threads) as pool:
            loaded = list(chain.from_iterable(pool.map(self._load_together, _together(rows.to_pylist()))))
        seconds = (time.perf_counter() - start) / max(1, len(loaded))
        return _table([{**row, "load_seconds": seconds} for row in loaded], rows.schema)

    def lost(self, rows: pa.Table, status: Status, reason: str) -> pa.Table:
        """Rows of LOADED for images that could not be worked on."""
        error = ImageError(status, reason)
        return _table([{**_finished(row, error), "load_seconds": 0.0} for row in rows.to_pylist()], rows.schema)

    def _load_together(self, rows: list[Row]) -> list[Row]:
        frames = [frame_of(row["uri"]) for row in rows if row.get("data") is None]
        times = [frame[1] for frame in frames if frame]
        if not times:
            return [self._beaten(self._load(row)) for row in rows]
        ((video, _), *_) = (frame for frame in frames if frame)
        order = sorted(range(len(rows)), key=times.__getitem__)
        try:
            file = open_object(video, self.storage, VIDEO)
            found: Iterable[Picture | ImageError] = pictures(file, [times[i] for i in order], self.limits)
        except ImageError as error:
            found = [error] * len(rows)
        loaded = {i: self._beaten(_finished(rows[i], picture)) for i, picture in zip(order, found, strict=True)}
        return [loaded[i] for i in range(len(rows))]

    def _beaten(self, row: Row) -> Row:
        """Tell whoever watches that there is progress."""
        if self.beat:
            self.beat()
        return row

    def _load(self, row: Row) -> Row:
        data: bytes | None = row.get("data")
        try:
            if data is None:
                if holds_images(row["uri"]):
                    self._look_inside(row["uri"])
                data = fetch(row["uri"], self.limits, self.storage, row["bytes"], row["version"])
        except ImageError as error:
            return _finished(row, error)
        known = {**row, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        try:
            return _finished(known, decode(data, _name(row["uri"]), self.limits))
        except ImageError as error:
            return _finished(known, error)

    def _look_inside(self, uri: str) -> NoReturn:
        """A file that is listed itself could not be listed to its end: say why."""
        file = open_object(uri, self.storage, VIDEO if is_video(uri) else HEADERS)
        if is_video(uri):
            check_video(file, self.limits)
        else:
            deque(members(file.pread, file.size), maxlen=0)
        raise ImageError(Status.FETCH_ERROR, "could not be looked into when it was listed; now it could")


def _table(rows: list[Row], planned: pa.Schema) -> pa.Table:
    given = pa.schema([field for field in planned if field.name != "data"])
    return pa.Table.from_pylist(rows, schema=travelling(given, LOADED, LOADED))


def _name(uri: str) -> str:
    """What the encoded image is called."""
    inside = member_of(uri)
    return inside[1] if inside else uri


def _together(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Frames of the same video that stand together are read together, everything else one by one."""
    for _, group in groupby(rows, lambda row: frame_of(row["uri"]) and row["uri"].rpartition("#")[0]):
        found = list(group)
        yield from [found] if frame_of(found[0]["uri"]) else ([row] for row in found)


def _finished(row: Row, picture: Picture | ImageError) -> Row:
    if isinstance(picture, ImageError):
        return {**row, "status": picture.status, "error": str(picture)}
    height, width, _ = picture.pixels.shape
    return {
        **row,
        "status": Status.OK,
        "error": picture.remark,
        "format": picture.format,
        "width": width,
        "height": height,
        "pixels": picture.pixels.tobytes(),
    }
