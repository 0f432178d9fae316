"""Identity networks by name."""

from dataclasses import dataclass

from torch import nn

from faceray.models.sface import WEIGHTS, load_sface
from faceray.models.weights import WeightFile
from faceray.vision.align import Crop


@dataclass(frozen=True)
class Embedder:
    """stand-in until the real one arrives"""

    name: str
    crop: Crop
    dimension: int
    module: nn.Module
    weights: tuple[WeightFile, ...]


def load_embedder(name: str) -> Embedder:
    """stand-in"""
    return Embedder("sface", Crop("similarity", 112), 128, load_sface(), (WEIGHTS,))
