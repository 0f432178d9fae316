"""Features of a trunk that never learns, computed once for all epochs instead of once for each."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from faceray.errors import UserError
from faceray.inference.backend import Network, compile_network
from faceray.training import world
from faceray.training.augmentation import Augmentation
from faceray.training.loop import Feeder
from faceray.training.pictures import Pictures

_BATCH = 64


class StemCache:
    """A feeder that gives features (b, f) float16 where others give pictures.

    They lie in temporary files, for every row of every pack straight and mirrored, and are computed by all workers
    together.

    Args:
        stem: pictures (n, 3, s, s) float RGB, 0 to 255 -> (n, f).
        feeder: of pictures. pictures: the stage without augmentation.
        device: of the stem.
    """

    def __init__(self, stem: nn.Module, feeder: Feeder, pictures: Pictures, device: str) -> None:
        example = torch.zeros(2, 3, pictures.size, pictures.size)
        with torch.inference_mode():
            self.width = stem(example.to(device)).shape[1]
        self.folder = tempfile.TemporaryDirectory(prefix="faceray-features-")
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
        name = f"{self.folder.name}/{pack}-{int(pictures.flip)}"
        kept = np.memmap(name, np.float16, "w+", shape=(count, self.width))
        step = _BATCH * world.size()
        own = np.arange(count)[world.rank() :: world.size()]
        rows = np.stack([np.full_like(own, pack), own], 1)
        batches = feeder(pictures, rows, _BATCH)
        for start in range(0, count, step):
            pixels, _ = next(batches, (torch.empty(0), None))
            features = network(pixels.float())[0].cpu() if len(pixels) else torch.empty(0, self.width)
            whole = world.interleaved(features.half())
            kept[start : start + len(whole)] = whole.numpy()
        return kept

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
