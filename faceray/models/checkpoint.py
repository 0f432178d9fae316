"""Checkpoints: a folder with `card.json` and `model.safetensors`, on this machine or in a bucket."""

import hashlib
from dataclasses import dataclass, replace

import fsspec
import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from faceray.errors import UserError
from faceray.models.card import ModelCard, card_from_json, card_to_json
from faceray.models.networks import build_network
from faceray.models.tasks import Task
from faceray.vision.align import Crop

CARD, WEIGHTS = "card.json", "model.safetensors"
MAX_CARD_BYTES = 1 << 20
MAX_WEIGHTS_BYTES = 1 << 30


@dataclass(frozen=True)
class AttributeModel:
    """A network that is ready to run, and what is needed to feed and to understand it."""

    card: ModelCard
    module: nn.Module  # in eval mode; (n, 3, s, s) float RGB 0 to 255 -> tuple of logits in task order

    @property
    def crop(self) -> Crop:
        """What the network sees of a face."""
        return self.card.crop

    @property
    def tasks(self) -> tuple[Task, ...]:
        """One for each output of the module."""
        return self.card.tasks


def save_checkpoint(folder: str, card: ModelCard, module: nn.Module, half: bool = False) -> ModelCard:
    """Write a checkpoint. The card goes last: without it there is no checkpoint.

    Args:
        folder: a path or an fsspec URI; made where it does not exist.
        module: what `build_network(card)` makes, trained.
        half: write float16 in place of float32; networks read them back as float32.

    Returns:
        The card as written, with the weights' sha256.

    Raises:
        UserError: the module is not the one that the card describes.
    """
    state = {name: _stored(tensor, half) for name, tensor in module.state_dict().items()}
    _check(state, build_network(card), f"model {card.name!r}")
    weights = safetensors.torch.save(state)
    card = replace(card, sha256=hashlib.sha256(weights).hexdigest())
    files, root = fsspec.url_to_fs(folder)
    files.makedirs(root, exist_ok=True)
    files.pipe_file(f"{root}/{WEIGHTS}", weights)
    files.pipe_file(f"{root}/{CARD}", card_to_json(card).encode())
    return card


def load_checkpoint(folder: str) -> AttributeModel:
    """Read a checkpoint, trusting nothing in it but what its card's sha256 vouches for.

    Args:
        folder: a path or an fsspec URI.

    Raises:
        UserError: no checkpoint there, or not a sound one: a file too large, a card that is not understood, weights
            that are damaged or do not fit the network.
    """
    folder = folder.rstrip("/")
    card = card_from_json(_read(f"{folder}/{CARD}", MAX_CARD_BYTES).decode("utf-8", "replace"), f"{folder}/{CARD}")
    source = f"{folder}/{WEIGHTS}"
    weights = _read(source, MAX_WEIGHTS_BYTES)
    if hashlib.sha256(weights).hexdigest() != card.sha256:
        raise UserError(f"{source}: not the weights of its card, the sha256 differs")
    try:
        state = safetensors.torch.load(weights)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{source}: not a safetensors file: {error}") from error
    module = build_network(card)
    _check(state, module, source)
    module.load_state_dict(state)
    return AttributeModel(card, module.eval())


def _stored(tensor: Tensor, half: bool) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.half() if half and tensor.is_floating_point() else tensor


def _read(uri: str, limit: int) -> bytes:
    try:
        with fsspec.open(uri, "rb") as file:
            content: bytes = file.read(limit + 1)
    except (OSError, ValueError, ImportError) as error:
        raise UserError(f"cannot read {uri}: {error}") from error
    if len(content) > limit:
        raise UserError(f"{uri}: larger than {limit} bytes")
    return content


def _check(state: dict[str, Tensor], module: nn.Module, source: str) -> None:
    expected = module.state_dict()
    for name in sorted(expected.keys() | state.keys()):
        want, have = (tuple(s[name].shape) if name in s else None for s in (expected, state))
        if want != have:
            raise UserError(f"{source}: weight {name} has shape {have}, the card's network needs {want}")
