"""All-in-One: detection, landmarks, pose, attributes and identity by one network (Ranjan et al., FG 2017)."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from faceray.models.heads import Activation, Head, relu
from faceray.models.mini_xception import Luminance

SIZE = 227
TASKS = {  # number of outputs in the original
    "detection": 2,
    "visibility": 21,
    "landmarks": 42,
    "pose": 3,
    "smile": 2,
    "gender": 2,
    "age": 1,
    "identity": 10_548,
    "young": 2,
    "eyeglasses": 2,
    "mouth_open": 2,
}
# Who somebody is shows in the deep layers; where things are and what they do, which other tasks ask, in all of them.
SUBJECT_DEPENDENT = ("age", "gender", "race", "young")


class Trunk(nn.Module):
    """conv1 to conv6. Normalised pixels -> pool1 (n, 96, 27, 27), conv3 (n, 384, 13, 13), conv5 (n, 512, 13, 13) and
    conv6 (n, 512, 13 - 2 shrink, 13 - 2 shrink)."""

    def __init__(self, channels: int, pool: int, shrink: int, activation: Activation) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(channels, 96, 11, stride=4), activation(96), nn.BatchNorm2d(96))
        self.conv2 = nn.Sequential(nn.Conv2d(96, 256, 5, padding=2), activation(256), nn.BatchNorm2d(256))
        self.conv3 = nn.Sequential(nn.Conv2d(256, 384, 3, padding=1), activation(384))
        self.conv4 = nn.Sequential(nn.Conv2d(384, 384, 3, padding=1), activation(384))
        self.conv5 = nn.Sequential(nn.Conv2d(384, 512, 3, padding=1), activation(512))
        self.conv6 = nn.Sequential(nn.Conv2d(512, 512, 3, padding=1 - shrink), activation(512))
        self.pool = nn.MaxPool2d(pool, 2)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """See the class."""
        pool1 = self.pool(self.conv1(pixels))
        conv3 = self.conv3(self.pool(self.conv2(pool1)))
        conv5 = self.conv5(self.conv4(conv3))
        return pool1, conv3, conv5, self.conv6(conv5)


class Fusion(nn.Module):
    """Shallow, middle and deep layers brought to 6x6 and summed up in 2048 numbers, for the tasks that do not depend
    on the subject."""

    def __init__(self, pool: int, activation: Activation, dropout: float) -> None:
        super().__init__()
        self.conv1a = nn.Sequential(nn.Conv2d(96, 256, 4, stride=4), activation(256))
        self.conv3a = nn.Sequential(nn.Conv2d(384, 256, 2, stride=2), activation(256))
        self.pool5 = nn.MaxPool2d(pool, 2)
        layers = [nn.Conv2d(1024, 256, 1), activation(256), nn.Flatten(), nn.Linear(256 * 36, 2048), activation(2048)]
        self.all = nn.Sequential(*layers, nn.Dropout(dropout))

    def forward(self, pool1: Tensor, conv3: Tensor, conv5: Tensor) -> Tensor:
        """-> (n, 2048)."""
        features: Tensor = self.all(torch.cat([self.conv1a(pool1), self.conv3a(conv3), self.pool5(conv5)], 1))
        return features


class AllInOne(nn.Module):
    """A shared trunk of six convolutions and three kinds of branches: subject-dependent tasks (SUBJECT_DEPENDENT) on
    its last layer, `identity` after a seventh convolution, all other tasks on a fusion of its layers.

    Heads are logits: detection, smile and the like may have 1 or 2. Only the branches that the heads need are built.

    `variant="paper"`: colour, PReLU, 3x3 pooling. `variant="singnet"`: the layout of the Keras project All-In-One,
    90,681,795 parameters for all TASKS from grey pictures, 90,705,027 with `grey=False`, counted with the batch norms'
    statistics. Unlike there conv3 to conv7 have an activation, without which five layers are one, and nothing rounds
    the age, which is for those who read it.

    Args:
        heads: task -> number of outputs.
        size: side of the input in pixels: 227.
        normalise: what is done to the pixels first. singnet: mean 0, std 255.
        grey: look at the luminance only; by default as the variant does.
        dropout: after every fully connected layer but the last.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        size: int,
        normalise: nn.Module,
        variant: Literal["paper", "singnet"] = "paper",
        grey: bool | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if size != SIZE or variant not in ("paper", "singnet"):
            raise ValueError(f"size {size} must be {SIZE}, variant {variant!r} paper or singnet")
        paper = variant == "paper"
        pool, shrink, activation = (3, 0, nn.PReLU) if paper else (2, 1, relu)
        grey = not paper if grey is None else grey
        self.normalise = Luminance(normalise) if grey else normalise
        self.trunk = Trunk(1 if grey else 3, pool, shrink, activation)
        kinds = {task: _kind(task) for task in heads}
        self.fusion = Fusion(pool, activation, dropout) if "independent" in kinds.values() else None
        self.pool6 = nn.Sequential(nn.MaxPool2d(pool, 2), nn.Flatten())
        conv7 = [nn.Conv2d(512, 512, 3, padding=1 - shrink), activation(512), nn.MaxPool2d(pool, 2), nn.Flatten()]
        self.conv7 = nn.Sequential(*conv7) if "identity" in kinds else None
        widths = {
            "independent": (2048, (512,)),
            "dependent": (512 * (36 if paper else 25), (1024, 128)),
            "identity": (512 * (36 if paper else 16), (1024, 512)),
        }
        self.kinds = kinds
        self.heads = nn.ModuleDict()
        for task, outputs in heads.items():
            features, hidden = widths[kinds[task]]
            self.heads[task] = Head(features, outputs, hidden, dropout, activation)
        self.apply(_initialise)

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """(n, 3, 227, 227) float RGB, 0 to 255 -> the outputs of each task, (n, outputs)."""
        pool1, conv3, conv5, conv6 = self.trunk(self.normalise(rgb))
        features = {"dependent": self.pool6(conv6)}
        if self.fusion is not None:
            features["independent"] = self.fusion(pool1, conv3, conv5)
        if self.conv7 is not None:
            features["identity"] = self.conv7(conv6)
        return tuple(head(features[self.kinds[task]]) for task, head in self.heads.items())

    def embed(self, rgb: Tensor) -> Tensor:
        """The identity descriptor: (n, 3, 227, 227) float RGB, 0 to 255 -> (n, 512), not of unit length.

        Raises:
            ValueError: the network has no identity head.
        """
        if self.conv7 is None:
            raise ValueError("a network without an identity head has no identity descriptor")
        head = self.heads["identity"]
        assert isinstance(head, Head)
        descriptor: Tensor = head.hidden(self.conv7(self.trunk(self.normalise(rgb))[3]))
        return descriptor


def _initialise(layer: nn.Module) -> None:
    """He et al., ICCV 2015: so deep without normalisation, torch's smaller weights would let the signal fade."""
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


def _kind(task: str) -> str:
    if task == "identity":
        return "identity"
    return "dependent" if task.lower() in SUBJECT_DEPENDENT else "independent"
