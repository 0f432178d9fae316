"""VGG-Face: the sixteen-layer network, and branches that exchange what they see (Parkhi et al., BMVC 2015)."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

# channels of the 3x3 convolutions; 0 is a pooling by 2 (configuration D of Simonyan and Zisserman, ICLR 2015)
LAYERS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)


def vgg16_features() -> nn.Sequential:
    """The convolutions of VGG16, 14,714,688 parameters: (n, 3, h, w) -> (n, 512, h / 32, w / 32), rounded down.

    Layers have the numbers that they have in torchvision.
    """
    layers: list[nn.Module] = []
    inputs = 3
    for channels in LAYERS:
        if channels == 0:
            layers.append(nn.MaxPool2d(2))
            continue
        convolution = nn.Conv2d(inputs, channels, 3, padding=1)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
        layers += [convolution, nn.ReLU()]
        inputs = channels
    return nn.Sequential(*layers)


class CrossStitch(nn.Module):
    """Branches of equal width mixed by one matrix, the identity at first (Misra et al., CVPR 2016)."""

    def __init__(self, branches: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(branches * width))

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Of each branch (n, width) -> of each branch (n, width)."""
        mixed = torch.cat(list(branches), 1) @ self.weight
        return list(mixed.chunk(len(branches), 1))


class VGGFace(nn.Module):
    """VGG16, a common fully connected layer, and a branch per task with a hidden layer; some branches are stitched.

    With emotion (7), pose (5), age (8) and gender (2) and pictures of 224 pixels 40,998,998 parameters. Unlike the
    original, a branch is stitched only where its partners exist, and every stitched branch gets its own part of the
    product.

    Args:
        heads: task -> number of outputs.
        size: side of the input in pixels, 224 in the paper.
        normalise: what is done to the pixels first. The original: BGR, pixel / 128 - 1.
        common, branch: widths of the common layer and of the branches.
        stitch: tasks whose branches are mixed; those that are not among the heads do not count.
        batch_norm, dropout: after the common layer and in the branches.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self,
        heads: Mapping[str, int],
        size: int,
        normalise: nn.Module,
        common: int = 1024,
        branch: int = 128,
        stitch: Sequence[str] = ("emotion", "pose"),
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not (32 <= size <= 1024 and 1 <= common <= 1 << 14 and 1 <= branch <= 1 << 12):
            raise ValueError(f"size {size} (32 to 1024), common {common} or branch {branch} out of range")
        self.normalise = normalise
        self.trunk = vgg16_features()
        layers = [nn.Flatten(), nn.Linear(512 * (size // 32) ** 2, common), nn.ReLU()]
        layers += [nn.BatchNorm1d(common)] if batch_norm else []
        self.common = nn.Sequential(*layers, nn.Dropout(dropout))
        self.branches = nn.ModuleDict({task: nn.Linear(common, branch) for task in heads})
        norms = {task: nn.BatchNorm1d(branch) if batch_norm else nn.Identity() for task in heads}
        self.norms = nn.ModuleDict(norms)
        self.stitched = [task for task in stitch if task in heads]
        self.stitch = CrossStitch(len(self.stitched), branch) if len(self.stitched) > 1 else None
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({task: nn.Linear(branch, outputs) for task, outputs in heads.items()})

    def features(self, rgb: Tensor) -> dict[str, Tensor]:
        """(n, 3, size, size) float RGB, 0 to 255 -> of each task what its hidden layer says, (n, branch), before
        the activation."""
        common = self.common(self.trunk(self.normalise(rgb)))
        return {task: layer(common) for task, layer in self.branches.items()}

    def logits(self, features: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """What `features` gives -> the logits of each task, (n, outputs)."""
        hidden = {task: self.norms[task](x).relu() for task, x in features.items()}
        if self.stitch is not None:
            mixed = self.stitch([hidden[task] for task in self.stitched])
            hidden |= dict(zip(self.stitched, mixed, strict=True))
        return tuple(head(self.dropout(hidden[task])) for task, head in self.heads.items())

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """(n, 3, size, size) float RGB, 0 to 255 -> the logits of each task, (n, outputs)."""
        return self.logits(self.features(rgb))
