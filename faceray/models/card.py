"""The model card: all that is known of a network besides its weights."""

import json
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from faceray.errors import UserError
from faceray.models.tasks import Task
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
        card: ModelCard = _read(ModelCard, json.loads(text, parse_constant=_refuse), "")
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{source}: {error}") from error
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    return card


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _read(kind: Any, value: Any, where: str) -> Any:
    """A JSON value as the type that an annotation names; TypeError with the place where it is not of that type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if is_dataclass(kind) and isinstance(value, dict):
        return _read_dataclass(kind, value, where)
    if origin is dict and isinstance(value, dict):
        return {key: _read(arguments[1], v, f"{where}.{key}") for key, v in value.items()}
    if origin is tuple and isinstance(value, list):
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) == len(value):
            return tuple(_read(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
    if origin is Literal and value in arguments:
        return value
    if kind is float and type(value) in (int, float) and abs(value) < 1e300:
        return float(value)
    if origin is None and kind is not float and type(value) is kind:
        return value
    wanted = " or ".join(map(repr, arguments)) if origin is Literal else str(kind) if origin else kind.__name__
    raise TypeError(f"{where.lstrip('.') or 'the card'} must be {wanted}, not {_shown(value)}")


def _read_dataclass(kind: Any, value: dict[str, Any], where: str) -> Any:
    hints = get_type_hints(kind)
    unknown = [key for key in value if key not in hints]
    required = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in required if name not in value]
    for problem, keys in (("unknown", unknown), ("missing", missing)):
        if keys:
            raise TypeError(f"{problem} key {', '.join(f'{where}.{key}'.lstrip('.') for key in keys)}")
    return kind(**{key: _read(hints[key], v, f"{where}.{key}") for key, v in value.items()})


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
