"""torchvision's networks as trunks under the same heads, and reading pretrained weights that people bring along."""

import hashlib
import io
import pickle
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from faceray.errors import UserError
from faceray.models.heads import Heads, perceptron
from faceray.models.vgg_face import vgg16_features

CLASSIFIERS = ("fc.", "classifier.", "AuxLogits.")  # what torchvision's files have besides the trunk


# name -> (features, smallest side of a picture, what torchvision calls the classifier)
TRUNKS = {
    "resnet18": (512, 32, "fc"),
    "resnet50": (2048, 32, "fc"),
    "mobilenet_v2": (1280, 32, "classifier"),
    "mobilenet_v3_small": (576, 32, "classifier"),
    "mobilenet_v3_large": (960, 32, "classifier"),
    "inception_v3": (2048, 75, "fc"),
    "vgg16": (512, 32, "classifier"),
}


def _trunk(name: str) -> nn.Module:
    """(n, 3, h, w) -> (n, features): the network up to its average over all places."""
    if name == "vgg16":  # torchvision's ends in layers of 124 million parameters, filled only to be thrown away
        layers = {"features": vgg16_features(), "pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
        return nn.Sequential(OrderedDict(layers))
    from torchvision.models import get_model  # takes a second, and only these networks need it

    options = {"aux_logits": False, "init_weights": True} if name == "inception_v3" else {}
    network: nn.Module = get_model(name, weights=None, **options)
    setattr(network, TRUNKS[name][2], nn.Identity())
    return network


class TorchvisionNet(nn.Module):
    """A trunk from torchvision with random weights, hidden layers that all tasks share, and a linear head per task.

    VGG16 and ResNet-50 with `hidden=[512]`, `dropout=0.5` and four attributes are the original attribute networks:
    264,708 and 1,051,140 parameters besides the trunk. Inception v3 with `age: 101, gender: 2` and no hidden layer is
    DEX's head. With a frozen trunk call `trunk.eval()` too, or its batch norms go on learning.

    Args:
        heads: task -> number of outputs.
        size: side of the input in pixels.
        normalise: what is done to the pixels first.
        trunk: a name of TRUNKS.
        hidden: widths of the shared layers, each with a ReLU and `dropout`.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        size: int,
        normalise: nn.Module,
        trunk: str = "resnet18",
        hidden: Sequence[int] = (),
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if trunk not in TRUNKS:
            raise ValueError(f"no trunk {trunk!r}: one of {', '.join(TRUNKS)}")
        features, smallest, _ = TRUNKS[trunk]
        if size < smallest:
            raise ValueError(f"{trunk} needs pictures of {smallest} pixels, not {size}")
        self.normalise = normalise
        self.trunk = _trunk(trunk)
        self.shared = perceptron(features, hidden, dropout) if hidden else nn.Dropout(dropout)
        self.heads = Heads(hidden[-1] if hidden else features, heads)

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """(n, 3, size, size) float RGB, 0 to 255 -> the logits of each task, (n, outputs)."""
        logits: tuple[Tensor, ...] = self.heads(self.shared(self.trunk(self.normalise(rgb))))
        return logits


def load_pretrained(
    module: nn.Module, path: str | Path, sha256: str | None = None, leave_out: Sequence[str] = CLASSIFIERS
) -> None:
    """Put a file's weights into a module, a trunk for instance: names and shapes must be the module's.

    Nothing in the file is executed: it is read as safetensors, or by torch with `weights_only`.

    Args:
        path: NAME.safetensors, else what `torch.save(module.state_dict())` writes.
        sha256: of the file, hexadecimal, where it is known.
        leave_out: entries that start like this and that the module does not have are not for it.

    Raises:
        UserError: no such file, another one than expected, or not the weights of this module.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256.lower():
        raise UserError(f"{path}: not the expected file, the sha256 differs")
    state = _state(content, str(path))
    own = module.state_dict().keys()
    state = {k: v for k, v in state.items() if k in own or not k.startswith(tuple(leave_out))}
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        problem = " ".join(str(error).split())
        raise UserError(f"{path}: not the weights of this network: {problem[:200]}") from error


def _state(content: bytes, path: str) -> dict[str, Tensor]:
    try:
        if path.endswith(".safetensors"):
            state: dict[str, Tensor] = safetensors.torch.load(content)
            return state
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, KeyError, EOFError) as error:
        problem = str(error).partition("\n")[0]
        raise UserError(f"{path}: not weights that can be read safely: {problem}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path}: holds something else than the weights of one network")
    return state


def count_parameters(module: nn.Module, statistics: bool = False) -> int:
    """The numbers that training learns; with `statistics` also the batch norms' means and variances, as Keras
    counts."""
    count = sum(parameter.numel() for parameter in module.parameters())
    norms = (m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and statistics)
    return count + sum(2 * norm.num_features for norm in norms)
