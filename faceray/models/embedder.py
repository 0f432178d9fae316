"""Identity embedders: what to cut out of a photo, which networks to run on it, and how to finish their outputs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from faceray.errors import UserError
from faceray.models import dlib_resnet, inception_resnet, sface
from faceray.models.checkpoint import load_checkpoint
from faceray.models.weights import Download, WeightFile
from faceray.vision.align import Crop

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class CheckpointWeights:
    """The weights of a checkpoint that training wrote."""

    sha256: str
    licence: str


@dataclass(frozen=True)
class Part:
    """One network of an embedder.

    crop: what the network looks at.
    module: RGB (n, 3, crop.size, crop.size) float32, 0 to 255, to (n, dimension); in eval mode.
    weights: the file that its parameters come from.
    share: what its cosine similarity counts for, relative to the other parts.
    """

    crop: Crop
    module: nn.Module
    dimension: int
    weights: WeightFile | Download | CheckpointWeights
    share: float = 1.0


@dataclass(frozen=True)
class Embedder:
    """Turns faces into vectors of unit length whose inner product says how alike the faces are, -1 to 1.

    For each of the `parts`: cut its crop, run its module; then `combine` the outputs.
    """

    name: str
    parts: tuple[Part, ...]

    @property
    def dimension(self) -> int:
        """Length of the embedding."""
        return sum(part.dimension for part in self.parts)

    @property
    def weights(self) -> tuple[WeightFile | Download | CheckpointWeights, ...]:
        """The weight files, in the order of the parts."""
        return tuple(part.weights for part in self.parts)

    @property
    def licence(self) -> str:
        """The licences of the weights, each once."""
        return " and ".join(dict.fromkeys(part.weights.licence for part in self.parts))

    def combine(self, outputs: Sequence[Floats]) -> NDArray[np.float32]:
        """The embeddings, float32 (n, dimension), from the outputs of the parts' modules, each (n, part.dimension).

        Their length is 1, and the inner product of two is the mean of the parts' cosine similarities, weighted by
        their shares. A face for which an output is zero or not finite gets NaN: it has no embedding.
        """
        shares = np.array([part.share for part in self.parts])
        scales = np.sqrt(shares / shares.sum())
        with np.errstate(all="ignore"):
            units = [scale * _unit(output) for scale, output in zip(scales, outputs, strict=True)]
            return _unit(np.concatenate(units, axis=1)).astype(np.float32)


def _unit(vectors: Floats) -> NDArray[np.float64]:
    doubles = vectors.astype(np.float64)
    unit: NDArray[np.float64] = doubles / np.linalg.norm(doubles, axis=1, keepdims=True)
    return unit


def _sface() -> Part:
    return Part(Crop("similarity", 112, "arcface"), sface.load_sface(), 128, sface.WEIGHTS)


def _dlib(share: float = 1.0) -> Part:
    return Part(Crop("similarity", 150, "dlib"), dlib_resnet.load_dlib_resnet(), 128, dlib_resnet.WEIGHTS, share)


def _facenet(name: str) -> Part:
    module = inception_resnet.load_inception_resnet(name)
    margin = 14 / (2 * (160 - 14))  # `margin=14` of facenet-pytorch, as in its own evaluation on LFW
    return Part(Crop("margin", 160, margin=margin), module, 512, inception_resnet.DOWNLOADS[name])


_MAKERS: dict[str, Callable[[], tuple[Part, ...]]] = {
    "sface": lambda: (_sface(),),
    "dlib": lambda: (_dlib(),),
    "sface+dlib": lambda: (_sface(), _dlib(share=2.0)),  # the share that is best on pairs of CelebA
    "facenet-vggface2": lambda: (_facenet("vggface2"),),
    "facenet-casia": lambda: (_facenet("casia-webface"),),
}
EMBEDDERS = tuple(_MAKERS)


def load_embedder(name: str = "sface") -> Embedder:
    """The embedder called `name`, one of EMBEDDERS or the folder of a checkpoint, with its weights; those called
    facenet are downloaded once.

    Raises:
        UserError: unknown name, or weights that are missing or not the expected ones.
    """
    if "/" in name:
        return _trained(name)
    if name not in _MAKERS:
        raise UserError(f"unknown embedder {name!r}: one of {', '.join(EMBEDDERS)}, or a checkpoint's folder")
    return Embedder(name, _MAKERS[name]())


def _trained(folder: str) -> Embedder:
    model = load_checkpoint(folder)
    if [task.kind for task in model.tasks] != ["embedding"]:
        raise UserError(f"{folder}: its network gives no embedding")
    weights = CheckpointWeights(model.card.sha256, model.card.licence)
    return Embedder(model.card.name, (Part(model.crop, model.module, model.tasks[0].outputs, weights),))
