"""The pictures of a list, a folder or a pack, one row for each, read ahead by threads.

A row has `image` (its name for the output), `photo` (or an aligned face), `status`, `error` and `faces`. An aligned
picture has one, with its `crops` by Crop; photos have none yet, but `pixels`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from faceray.corpus.decode import Limits, decode
from faceray.corpus.loading import load_picture
from faceray.corpus.source import Source
from faceray.corpus.status import ImageError, Status
from faceray.datasets.pack import SHARDS, open_pack, read_card
from faceray.errors import UserError
from faceray.inference.rows import Row
from faceray.storage import Folder, locate, without_secrets
from faceray.vision.align import Crop

Pixels = NDArray[np.uint8]
T = TypeVar("T")
_NOWHERE = np.full((5, 2), np.nan)  # landmarks of an aligned face: cut then takes the whole picture


def is_pack(address: str) -> bool:
    """Whether a folder is a pack, complete or not."""
    return SHARDS in Folder.at(address).names()


def list_pictures(address: str, source: str, suffixes: str) -> Iterator[tuple[str, str]]:
    """Name and address of each picture of a text file, in its order, or of a folder.

    Args:
        source: the folder that the paths of a text file are below; as they are where empty.

    Raises:
        UserError: there is nothing at the address.
    """
    if address.lower().endswith(".txt"):
        for line in _lines(address):
            path = f"{source.rstrip('/')}/{line}" if source else line
            yield path, path
        return
    root = Folder.at(address).uri
    for batch in Source(address, suffixes):
        for uri in batch["uri"].to_pylist():
            yield f"{address.rstrip('/')}{uri.removeprefix(root)}", uri


def count_pictures(address: str, part: str = "") -> int | None:
    """How many there are, where that is known without a long search."""
    if address.lower().endswith(".txt"):
        return sum(1 for _ in _lines(address))
    return int(open_pack(address, part or None).count_rows()) if is_pack(address) else None


def read_aligned(
    pictures: Iterable[tuple[str, str]], crops: tuple[Crop, ...], limits: Limits, threads: int
) -> Iterator[Row]:
    """Rows with one face each: the whole picture as `prepare --faces whole` cuts it, for each of the crops."""
    yield from _ahead(partial(_aligned, crops=crops, limits=limits), pictures, threads)


def read_photos(pictures: Iterable[tuple[str, str]], limits: Limits, threads: int) -> Iterator[Row]:
    """Rows with `pixels`, (height, width, 3) RGB."""
    yield from _ahead(partial(_photo, limits=limits), pictures, threads)


def read_pack(address: str, part: str, crops: tuple[Crop, ...], limits: Limits, threads: int) -> Iterator[Row]:
    """Rows with one face each, of one part or of all.

    Raises:
        UserError: it is not complete, or its samples have another number of pictures than a crop.
    """
    count = Crop(**read_card(address)["crop"]).count
    if any(crop.count != count for crop in crops):
        wanted = " or ".join(str(crop.count) for crop in crops)
        raise UserError(f"{address} has {count} pictures of a face, the models look at {wanted}")
    batches = open_pack(address, part or None).to_batches(
        columns=["image", "pictures"], batch_size=256, batch_readahead=1, fragment_readahead=1
    )
    samples = (sample for batch in batches for sample in batch.to_pylist())
    yield from _ahead(partial(_packed, crops=crops, limits=limits), samples, threads)


def _lines(address: str) -> Iterator[str]:
    files, path = locate(address)
    try:
        with files.open(path, "r", encoding="utf-8-sig") as lines:
            yield from (line.strip() for line in lines if line.strip())
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {address}: {without_secrets(str(error))}") from error


def _ahead(work: Callable[[T], Row], items: Iterable[T], threads: int) -> Iterator[Row]:
    """In order, twice as many at the same time as there are threads: memory stays as it is, however many there are."""
    cv2.setNumThreads(1)
    waiting: deque[Future[Row]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _row(image: str, **more: Any) -> Row:
    return {"image": image, "photo": False, "status": str(Status.OK), "error": None, "faces": [], **more}


def _failed(image: str, error: ImageError) -> Row:
    return _row(image, status=str(error.status), error=" ".join(str(error).split()))


def _photo(picture: tuple[str, str], limits: Limits) -> Row:
    name, uri = picture
    try:
        return _row(name, photo=True, pixels=load_picture(uri, limits).pixels)
    except ImageError as error:
        return {**_failed(name, error), "photo": True}


def _aligned(picture: tuple[str, str], crops: tuple[Crop, ...], limits: Limits) -> Row:
    name, uri = picture
    try:
        pixels = load_picture(uri, limits).pixels
    except ImageError as error:
        return _failed(name, error)
    return _row(name, faces=[{"crops": {crop: _whole(pixels, crop) for crop in crops}}])


def _packed(sample: Row, crops: tuple[Crop, ...], limits: Limits) -> Row:
    try:
        pictures = [decode(data, "", limits).pixels for data in sample["pictures"]]
    except ImageError as error:
        return _failed(sample["image"], error)
    cut = {crop: np.stack([_stretched(pixels, crop.size) for pixels in pictures]) for crop in crops}
    return _row(sample["image"], faces=[{"crops": cut}])


def _whole(pixels: Pixels, crop: Crop) -> Pixels:
    height, width = pixels.shape[:2]
    return crop.cut(pixels, np.array([0, 0, width, height], np.float64), _NOWHERE)


def _stretched(pixels: Pixels, size: int) -> Pixels:
    """A crop of a pack at a network's size; as it is where that is its own."""
    return pixels if pixels.shape[:2] == (size, size) else _whole(pixels, Crop("similarity", size))[0]
