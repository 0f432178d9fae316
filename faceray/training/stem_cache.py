"""Features of a trunk that never learns, computed once for all epochs instead of once for each."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from faceray.errors import UserError
from faceray.inference.backend import Network, compile_network
from faceray.training import world
from faceray.training.augmentation import Augmentation
from faceray.training.loop import Feeder
from faceray.training.news import Prelude
from faceray.training.pictures import Pictures

_BATCH = 64


class StemCache:
    """A feeder that gives features (b, f) float16 where others give pictures.

    They lie in files, for every row of every pack straight and mirrored, and are computed by all workers together.

    Args:
        stem: pictures (n, 3, s, s) float RGB, 0 to 255 -> (n, f). name: what tells it from others.
        feeder: of pictures. pictures: the stage without augmentation.
        device: of the stem.
        folder: on this machine, where the files stay for the next training; temporary where None.
        tell: called after every batch that is computed.
    """

    def __init__(
        self,
        stem: nn.Module,
        name: str,
        feeder: Feeder,
        pictures: Pictures,
        device: str,
        folder: str | None = None,
        tell: Callable[[Prelude], None] = lambda _: None,
    ) -> None:
        example = torch.zeros(2, 3, pictures.size, pictures.size)
        with torch.inference_mode():
            self.width = stem(example.to(device)).shape[1]
        self.temporary = None if folder else tempfile.TemporaryDirectory(prefix="faceray-features-")
        self.name, self.folder = name, Path(folder or self.temporary.name)  # type: ignore[union-attr]
        self.tell, self.done, self.total = tell, 0, 2 * sum(shards.ends[-1] for shards in pictures.packs)
        network = compile_network(
            stem, example, "cuda" if device.startswith("cuda") else "cpu", threads=torch.get_num_threads()
        )
        self.features = {
            (number, flip): self._compute(network, feeder, replace(pictures, flip=flip), number, shards.ends[-1])
            for number, shards in enumerate(pictures.packs)
            for flip in (False, True)
        }

    def _compute(
        self, network: Network, feeder: Feeder, pictures: Pictures, pack: int, count: int
    ) -> NDArray[np.float16]:
        file = self._file(pictures, pack)
        if file.exists():
            self._tell(count)
            found: NDArray[np.float16] = np.load(file, mmap_mode="r")
            return found
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(f".{world.rank()}.part")
        kept = np.lib.format.open_memmap(unfinished, "w+", np.float16, (count, self.width))
        step = _BATCH * world.size()
        own = np.arange(count)[world.rank() :: world.size()]
        rows = np.stack([np.full_like(own, pack), own], 1)
        batches = feeder(pictures, rows, _BATCH)
        for start in range(0, count, step):
            pixels, _ = next(batches, (torch.empty(0), None))
            features = network(pixels.float())[0].cpu() if len(pixels) else torch.empty(0, self.width)
            whole = world.interleaved(features.half())
            kept[start : start + len(whole)] = whole.numpy()
            self._tell(len(whole))
        kept.flush()
        unfinished.replace(file)
        return kept

    def _tell(self, pictures: int) -> None:
        self.done += pictures
        self.tell(Prelude(f"features of {self.name}", self.done, self.total))

    def _file(self, pictures: Pictures, pack: int) -> Path:
        """Named by what decides about the features: network, pack, whether mirrored."""
        shards = pictures.packs[pack]
        key = f"{self.name} {pictures.size} {pictures.flip} {shards.uri} {shards.names} {shards.ends}"
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npy"

    def __call__(self, pictures: Pictures, rows: NDArray[np.int64], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """See `faceray.training.loop.Feeder`."""
        augmentation = pictures.augmentation
        for start in range(0, len(rows), batch):
            part = rows[start : start + batch]
            turned = [
                augmentation is not None and _mirrored(pictures.seed, augmentation, *row) for row in part.tolist()
            ]
            found = [self.features[pack, flip][row] for (pack, row), flip in zip(part.tolist(), turned, strict=True)]
            yield torch.from_numpy(np.stack(found)), torch.tensor(turned)


def check_augmentation(augmentation: Augmentation) -> None:
    """Raise UserError for what features that are computed once cannot follow."""
    if augmentation != Augmentation(mirror=augmentation.mirror):
        raise UserError("network.cached computes pictures once: no augmentation but mirroring can be asked for")


def _mirrored(seed: tuple[int, ...], augmentation: Augmentation, pack: int, row: int) -> bool:
    """As `augment` would decide."""
    return bool(np.random.default_rng([*seed, pack, row]).random() < augmentation.mirror)
