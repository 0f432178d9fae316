"""Heads: from a face's features to the logits of each task, and from logits to an answer."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Activation = Callable[[int], nn.Module]  # from a number of channels to what follows a layer with that many


def relu(_: int) -> nn.Module:
    """A ReLU for any number of channels."""
    return nn.ReLU()


def perceptron(features: int, hidden: Sequence[int], dropout: float = 0.0, activation: Activation = relu) -> nn.Module:
    """Fully connected layers, each with its activation and dropout: (n, features) -> (n, the last of `hidden`).

    Raises:
        ValueError: a width or the dropout is out of range.
    """
    if not all(1 <= width <= 1 << 16 for width in (features, *hidden)):
        raise ValueError(f"widths {[features, *hidden]} must be 1 to {1 << 16}")
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(features, width), activation(width), nn.Dropout(dropout)]
        features = width
    return nn.Sequential(*layers)


class Head(nn.Module):
    """Hidden layers, if any, and a linear layer. Its answer are the outputs themselves: a regression.

    Args:
        features: of a face. outputs: logits of the task.
        hidden: widths of the layers between, each followed by `activation` and `dropout`.
        bias: whether the last layer has one.
    """

    def __init__(
        self,
        features: int,
        outputs: int,
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
        activation: Activation = relu,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.hidden = perceptron(features, hidden, dropout, activation)
        self.linear = nn.Linear(hidden[-1] if hidden else features, outputs, bias)

    def forward(self, features: Tensor) -> Tensor:
        """(n, features) -> logits (n, outputs)."""
        logits: Tensor = self.linear(self.hidden(features))
        return logits

    def answer(self, logits: Tensor) -> Tensor:
        """(n, outputs) -> (n, outputs), the same numbers."""
        return logits


class Softmax(Head):
    """One of several classes."""

    def answer(self, logits: Tensor) -> Tensor:
        """(n, classes) -> probabilities (n, classes) that sum to 1."""
        return logits.softmax(1)


class Cosine(Softmax):
    """A softmax over scaled cosines: unit features, unit weights, no bias (Wang et al., "NormFace", MM 2017)."""

    def __init__(self, features: int, outputs: int, scale: float = 16.0) -> None:
        super().__init__(features, outputs, bias=False)
        self.scale = scale

    def forward(self, features: Tensor) -> Tensor:
        """(n, features) -> logits (n, outputs), -scale to scale."""
        return self.scale * F.linear(F.normalize(features), F.normalize(self.linear.weight))


class Sigmoid(Head):
    """Attributes that do not exclude each other."""

    def answer(self, logits: Tensor) -> Tensor:
        """(n, attributes) -> the probability of each (n, attributes)."""
        return logits.sigmoid()


class Expectation(Head):
    """A softmax over values, 0, 1, 2, … by default; the mean is the answer (Rothe et al., "DEX", ICCVW 2015)."""

    values: Tensor

    def __init__(
        self, features: int, outputs: int = 101, hidden: Sequence[int] = (), dropout: float = 0.0, step: float = 1.0
    ) -> None:
        super().__init__(features, outputs, hidden, dropout)
        self.register_buffer("values", step * torch.arange(outputs), persistent=False)

    def answer(self, logits: Tensor) -> Tensor:
        """(n, outputs) -> (n, 1), in the values' unit. It has a gradient."""
        return (logits.softmax(1) * self.values).sum(1, keepdim=True)


class TwoPoint(Expectation):
    """Bins ten years apart, an age spread over its two neighbours (C3AE, Zhang et al., CVPR 2019): 32 is .8 of 30
    and .2 of 40. The mean of the bins gives the age back."""

    def __init__(self, features: int, outputs: int = 12, hidden: Sequence[int] = (), dropout: float = 0.0) -> None:
        super().__init__(features, outputs, hidden, dropout, step=10.0)


class Ordinal(Head):
    """One yes or no per year: "older than k?" (Niu et al., "Ordinal regression with multiple output CNN", CVPR 2016).

    Nothing keeps the answers in order, so they are counted; the first "no" would be the rank of one noisy output.
    """

    def __init__(self, features: int, outputs: int = 100, hidden: Sequence[int] = (), dropout: float = 0.0) -> None:
        super().__init__(features, outputs, hidden, dropout)

    def answer(self, logits: Tensor) -> Tensor:
        """(n, levels) -> (n, 1): the number of levels with a probability above one half."""
        return (logits > 0).sum(1, keepdim=True).to(logits.dtype)


HEADS: dict[str, type[Head]] = {
    "regression": Head,
    "softmax": Softmax,
    "sigmoid": Sigmoid,
    "expectation": Expectation,
    "two_point": TwoPoint,
    "ordinal": Ordinal,
}


def make_head(kind: str, features: int, outputs: int, hidden: Sequence[int] = (), dropout: float = 0.0) -> Head:
    """A head by the name of its kind.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in HEADS:
        raise ValueError(f"no head {kind!r}: one of {', '.join(HEADS)}")
    return HEADS[kind](features, outputs, hidden, dropout)


class Heads(nn.ModuleDict):
    """A head of its own for each task, over the same features.

    Args:
        features: of a face. outputs: task -> number of logits.
        hidden, dropout: of each head, see Head.
    """

    def __init__(
        self, features: int, outputs: Mapping[str, int], hidden: Sequence[int] = (), dropout: float = 0.0
    ) -> None:
        super().__init__({task: Head(features, count, hidden, dropout) for task, count in outputs.items()})

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """(n, features) -> the logits of each task, (n, its outputs), in order."""
        return tuple(head(features) for head in self.values())
