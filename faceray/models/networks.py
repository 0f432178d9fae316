"""The networks that a model card can name."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from faceray.errors import UserError
from faceray.models.all_in_one import AllInOne
from faceray.models.attribute_net import AttributeNet, Normalise
from faceray.models.borrowed import BorrowedNet
from faceray.models.c3ae import C3AE
from faceray.models.card import ModelCard
from faceray.models.ir_resnet import IRResNet
from faceray.models.mini_xception import MiniXception
from faceray.models.ssrnet import SSRNet
from faceray.models.trunks import TorchvisionNet
from faceray.models.vgg_face import VGGFace

Build = Callable[..., nn.Module]


def _network(kind: Callable[..., nn.Module]) -> Build:
    """Networks that take their heads by name: `Net({task: outputs}, size, normalise, **arguments)`."""

    def build(card: ModelCard, **arguments: Any) -> nn.Module:
        if kind is C3AE:
            arguments["boxes"] = card.crop.count
        else:
            _one_picture(card)
        normalise = Normalise(card.colour, card.mean, card.std)
        if any(task.kind == "embedding" for task in card.tasks):
            return Embedding(kind({}, card.crop.size, normalise, **arguments), card)
        return kind({task.name: task.outputs for task in card.tasks}, card.crop.size, normalise, **arguments)

    return build


class Embedding(nn.Module):
    """A network whose only output is the embedding that its `embed` gives."""

    def __init__(self, network: nn.Module, card: ModelCard) -> None:
        super().__init__()
        if len(card.tasks) != 1 or not hasattr(network, "embed"):
            raise ValueError("an embedding is the only task of a network that has one")
        self.network = network

    def forward(self, rgb: Tensor) -> tuple[Tensor]:
        """(n, 3, size, size) float RGB, 0 to 255 -> embeddings (n, dimension)."""
        embedding: Tensor = self.network.embed(rgb)  # type: ignore[operator]
        return (embedding,)


def _one_picture(card: ModelCard) -> None:
    if card.crop.count != 1:
        raise ValueError(f"it looks at one picture of a face, the crop {card.crop.kind!r} makes {card.crop.count}")


NETWORKS: dict[str, Build] = {
    "attribute_net": _network(AttributeNet),
    "all_in_one": _network(AllInOne),
    "c3ae": _network(C3AE),
    "ssrnet": _network(SSRNet),
    "mini_xception": _network(MiniXception),
    "vgg_face": _network(VGGFace),
    "ir_resnet": _network(IRResNet),
    "torchvision": _network(TorchvisionNet),
    "borrowed": _network(BorrowedNet),
}


def build_network(card: ModelCard) -> nn.Module:
    """The card's network with random weights: (n, 3, s, s) float RGB 0 to 255 -> tuple of logits in task order.

    Three pictures of a face come as (n, 3, 3, s, s).

    Raises:
        UserError: there is no such network, or it does not take the card's arguments.
    """
    if card.network not in NETWORKS:
        raise UserError(f"model {card.name!r}: no network {card.network!r}, only {', '.join(NETWORKS)}")
    try:
        return NETWORKS[card.network](card, **card.arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"model {card.name!r}: network {card.network!r}: {error}") from error
