"""The optimisers of the originals."""

from dataclasses import dataclass
from typing import Literal

from torch import nn
from torch.optim import SGD, Adam, Adamax, AdamW, Optimizer

NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)


@dataclass(frozen=True)
class OptimiserOptions:
    """What steps are taken.

    Originals: 0 Adam 1e-4, Adamax for pose. 1 Adam 1e-3 to 1e-5. 2 SGD 1e-3, momentum 0.9, weight decay 5e-4. 3 Adam
    2e-3. 4 Adam 1e-4. The weight decay of original 1's command line, which reaches no layer there, works here.

    Attributes:
        weight_decay: λ of an L2 term, for AdamW apart from the gradient. Never on normalisation layers.
        momentum: SGD's.
        betas: Adam's, Adamax's, AdamW's.
    """

    name: Literal["adam", "adamax", "adamw", "sgd"] = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise ValueError("the learning rate is above 0, the weight decay 0 or more")


def build_optimiser(model: nn.Module, options: OptimiserOptions) -> Optimizer:
    """An optimiser over all parameters, in two groups: with weight decay, and those of normalisation layers without.

    Parameters that are frozen for now belong to it as well: without a gradient they stay, and unfreezing needs no new
    optimiser, whose state would be lost.
    """
    norms = {
        id(p) for module in model.modules() if isinstance(module, NORMS) for p in module.parameters(recurse=False)
    }
    everything = list(model.parameters())
    groups = [
        {"params": [p for p in everything if id(p) not in norms], "weight_decay": options.weight_decay},
        {"params": [p for p in everything if id(p) in norms], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if options.name == "sgd":
        return SGD(groups, lr=options.learning_rate, momentum=options.momentum)
    adams: dict[str, type[Adam | Adamax | AdamW]] = {"adam": Adam, "adamax": Adamax, "adamw": AdamW}
    return adams[options.name](groups, lr=options.learning_rate, betas=options.betas)
