"""The model card: all that is known of a network besides its weights."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from faceray.errors import UserError
from faceray.models.tasks import Task
from faceray.typed_json import read
from faceray.vision.align import Crop


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a checkpoint's `card.json` says (after Mitchell et al., "Model cards for model reporting", FAT* 2019).

    Args:
        network: name of a constructor in `networks.NETWORKS`, and `arguments`: what it is called with
            (JSON values: lists, not tuples).
        tasks: one per head, in the heads' order.
        crop: what the network sees of a face.
        colour, mean, std: the channels' order, and (pixel - mean) / std per channel, in that order, for pixels from
            0 to 255.
        metrics: measured on data that the network was not trained on: name -> value.
        training_data: the sets and splits, in words. recipe: the options of the training run.
        sha256: of `model.safetensors`, hexadecimal.
    """

    name: str
    version: str
    network: str
    arguments: dict[str, Any] = field(default_factory=dict)
    tasks: tuple[Task, ...]
    crop: Crop
    colour: Literal["RGB", "BGR"] = "RGB"
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    std: tuple[float, float, float] = (127.5, 127.5, 127.5)
    metrics: dict[str, float] = field(default_factory=dict)
    training_data: str
    recipe: dict[str, Any] = field(default_factory=dict)
    licence: str
    intended_use: str
    limitations: str
    sha256: str = ""

    def __post_init__(self) -> None:
        names = [task.name for task in self.tasks]
        if not names or len(set(names)) < len(names):
            raise UserError(f"model {self.name!r}: tasks must be one or more different ones, not {names}")
        if not all(std > 0 for std in self.std):
            raise UserError(f"model {self.name!r}: std must be positive, not {list(self.std)}")


def card_to_json(card: ModelCard) -> str:
    """The card as indented JSON. `card_from_json` gives an equal card back."""
    return json.dumps(asdict(card), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def card_from_json(text: str, source: str = "card") -> ModelCard:
    """Read a card strictly.

    Args:
        source: where the text came from, for error messages.

    Raises:
        UserError: not JSON; an unknown or a missing key; a value of the wrong type or out of range.
    """
    try:
        card: ModelCard = read(ModelCard, json.loads(text, parse_constant=_refuse))
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{source}: {error}") from error
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    return card


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
