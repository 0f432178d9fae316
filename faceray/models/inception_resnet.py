"""FaceNet's Inception-ResNet-v1 (Schroff et al., 2015; Szegedy et al., 2016) as published by facenet-pytorch."""

import pickle

import torch
from torch import Tensor, nn

from faceray.errors import UserError
from faceray.models.weights import Download

_RELEASE = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
_LICENCE = "MIT; trained on {} (research set)"

# By training set. LFW accuracy according to facenet-pytorch: vggface2 0.9965, casia-webface 0.9905.
DOWNLOADS = {
    "vggface2": Download(
        url=_RELEASE + "20180402-114759-vggface2.pt",
        sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
        licence=_LICENCE.format("VGGFace2"),
        source="facenet-pytorch, release 2.2.9",
    ),
    "casia-webface": Download(
        url=_RELEASE + "20180408-102900-casia-webface.pt",
        sha256=None,  # published nowhere: the first download is trusted and remembered
        licence=_LICENCE.format("CASIA-WebFace"),
        source="facenet-pytorch, release 2.2.9",
    ),
}


class FaceNet(nn.Module):
    """RGB (N, 3, 160, 160), 0 to 255, to float32 (N, 512) of unit length."""

    def __init__(self) -> None:
        super().__init__()
        from facenet_pytorch import (
            InceptionResnetV1,
        )  # imports torchvision, seconds that other networks need not spend

        self.network = InceptionResnetV1(pretrained=None, classify=False)

    def forward(self, x: Tensor) -> Tensor:
        embedding: Tensor = self.network((x - 127.5) / 128)
        return embedding


def load_inception_resnet(name: str) -> FaceNet:
    """The network trained on `vggface2` or `casia-webface`, in eval mode; downloads its weights the first time.

    Raises:
        UserError: unknown name, no weights to be had, or weights that are not the expected ones.
    """
    if name not in DOWNLOADS:
        raise UserError(f"no Inception-ResNet-v1 called {name!r}: one of {', '.join(DOWNLOADS)}")
    path = DOWNLOADS[name].locate()
    network = FaceNet()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        trunk = {key: value for key, value in state.items() if not key.startswith("logits.")}  # the classifier
        network.network.load_state_dict(trunk)
    except (RuntimeError, pickle.UnpicklingError, EOFError, AttributeError, ValueError) as error:
        raise UserError(f"{path} does not hold the weights of Inception-ResNet-v1: {_first_line(error)}") from error
    return network.eval()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
