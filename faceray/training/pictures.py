"""Pictures of a pack for a network: read, decoded, brought to size, augmented. A stage that needs no Ray."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import simplejpeg
from numpy.typing import NDArray

from faceray.datasets.pack import SHARDS
from faceray.errors import UserError
from faceray.storage import Folder
from faceray.training.augmentation import Augmentation, augment

REQUEST = pa.schema([("pack", pa.int32()), ("row", pa.int64())])
_LARGEST = 4096  # pixels on a side
_cache: "OrderedDict[tuple[str, str], pa.ChunkedArray]" = OrderedDict()  # shards that this process has read


@dataclass(frozen=True)
class Shards:
    """Where the rows of a pack lie."""

    uri: str
    names: tuple[str, ...]
    ends: tuple[int, ...]  # of each shard: the number of rows up to its last

    def find(self, row: int) -> tuple[str, int]:
        """The shard and the row in it."""
        number = int(np.searchsorted(self.ends, row, side="right"))
        return self.names[number], row - (self.ends[number - 1] if number else 0)


@dataclass(frozen=True)
class Pictures:
    """Rows of REQUEST become rows with `pixels` (crops x size x size x 3 bytes) and `mirrored`.

    Attributes:
        packs: by number. size: side of a picture in pixels. crops: pictures of a face.
        augmentation: None where pictures stay as they are, or with `flip` are mirrored, every one.
        seed: decides, with pack and row, how a picture is changed.
        memory: bytes of encoded pictures that a process keeps.
    """

    packs: Sequence[Shards]
    size: int
    crops: int
    augmentation: Augmentation | None = None
    seed: tuple[int, ...] = (0,)
    flip: bool = False
    memory: int = 1 << 30

    def __call__(self, batch: pa.Table) -> pa.Table:
        cv2.setNumThreads(1)
        pixels, mirrored = [], []
        for pack, row in zip(batch["pack"].to_pylist(), batch["row"].to_pylist(), strict=True):
            pictures, turned = self.one(pack, row)
            pixels.append(pictures.tobytes())
            mirrored.append(turned)
        return pa.table({"pixels": pa.array(pixels, pa.large_binary()), "mirrored": pa.array(mirrored, pa.bool_())})

    def one(self, pack: int, row: int) -> tuple[NDArray[np.uint8], bool]:
        """(crops, size, size, 3) uint8 RGB, and whether it is mirrored."""
        name, number = self.packs[pack].find(row)
        encoded = self._shard(self.packs[pack].uri, name)[number].as_py()
        pictures = np.stack([self._sized(_decoded(p, name)) for p in encoded[: self.crops]])
        if self.augmentation is not None:
            return augment(pictures, self.augmentation, np.random.default_rng([*self.seed, pack, row]))
        return (np.ascontiguousarray(pictures[:, :, ::-1]), True) if self.flip else (pictures, False)

    def _sized(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if picture.shape[0] == self.size:
            return picture
        how = cv2.INTER_AREA if picture.shape[0] > self.size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(picture, (self.size, self.size), interpolation=how), np.uint8)

    def _shard(self, uri: str, name: str) -> pa.ChunkedArray:
        if (uri, name) in _cache:
            _cache.move_to_end((uri, name))
            return _cache[uri, name]
        folder = Folder.at(uri)
        with folder.files.open(f"{folder.path}/{SHARDS}/{name}", "rb") as file:
            column = pa.parquet.read_table(file, columns=["pictures"])["pictures"]
        _cache[uri, name] = column
        while len(_cache) > 1 and sum(kept.nbytes for kept in _cache.values()) > self.memory:
            _cache.popitem(last=False)
        return column


def _decoded(jpeg: bytes, name: str) -> NDArray[np.uint8]:
    """Raises UserError for bytes that no `prepare` has written."""
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(jpeg)
        if max(height, width) > _LARGEST:
            raise ValueError(f"a picture of {width} x {height} pixels")
        return np.asarray(simplejpeg.decode_jpeg(jpeg, "RGB"), np.uint8)
    except ValueError as error:
        raise UserError(f"damaged pack, {name}: {error}") from error
