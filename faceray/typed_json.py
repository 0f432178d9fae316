"""Typed records and JSON: reading strictly, and changing single fields by their path."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from faceray.errors import UserError

Record = TypeVar("Record")


def read(kind: Any, value: Any, where: str = "") -> Any:
    """A JSON value as the type that an annotation names: dataclasses, dicts, tuples, literals, unions, plain values.

    Raises:
        TypeError: it is not of that type; the message says where.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, UnionType):
        return _read_union(arguments, value, where)
    if is_dataclass(kind) and isinstance(value, dict):
        return _read_dataclass(kind, value, where)
    if origin in (dict, Mapping) and isinstance(value, dict):
        return {key: read(arguments[1], v, f"{where}.{key}") for key, v in value.items()}
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) == len(value):
            return tuple(read(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
    if origin is Literal and value in arguments:
        return value
    if kind is float and type(value) in (int, float) and abs(value) < 1e300:
        return float(value)
    if (origin is None and kind is not float and type(value) is kind) or (kind is NoneType and value is None):
        return value
    wanted = " or ".join(map(repr, arguments)) if origin is Literal else str(kind) if origin else kind.__name__
    raise TypeError(f"{where.lstrip('.') or 'the value'} must be {wanted}, not {_shown(value)}")


def changed(record: Record, path: str, text: str) -> Record:
    """The record with one field changed, as `--set optimiser.learning_rate=0.01` asks for.

    Args:
        path: names joined by dots. In a tuple of records with names the name picks one; in a dictionary it is a key.
        text: the new value, as YAML.

    Raises:
        UserError: there is no such field, or the value does not fit it.
    """
    try:
        value = _value(text)
        result: Record = _changed(record, path.split("."), value, path)
        return result
    except yaml.YAMLError as error:
        raise UserError(f"{path}={text}: not a value: {' '.join(str(error).split())}") from error
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}={text}: {error}") from error


def _value(text: str) -> Any:
    try:
        return json.loads(text)  # YAML 1.1 reads 1e-3 as a text
    except ValueError:
        return yaml.safe_load(text)


def _changed(record: Any, path: list[str], value: Any, whole: str) -> Any:
    name, *rest = path
    if isinstance(record, tuple):
        numbers = [i for i, item in enumerate(record) if getattr(item, "name", None) == name]
        if not numbers:
            raise TypeError(f"no {name!r}, only {', '.join(str(getattr(item, 'name', '?')) for item in record)}")
        if not rest:
            raise TypeError("a record: name one of its fields")
        item = _changed(record[numbers[0]], rest, value, whole)
        return (*record[: numbers[0]], item, *record[numbers[0] + 1 :])
    known = [field.name for field in fields(record)]
    if name not in known:
        raise TypeError(f"no field {name!r}, only {', '.join(known)}")
    old = getattr(record, name)
    if not rest:
        return replace(record, **{name: read(get_type_hints(type(record))[name], value, whole)})
    if isinstance(old, dict):
        return replace(record, **{name: {**old, ".".join(rest): value}})
    if not is_dataclass(old) and not isinstance(old, tuple):
        raise TypeError(f"{name!r} has no parts")
    return replace(record, **{name: _changed(old, rest, value, whole)})


def _read_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    problems = []
    for kind in kinds:
        try:
            return read(kind, value, where)
        except TypeError as error:
            problems.append(str(error))
    raise TypeError("; or ".join(dict.fromkeys(problems)))


def _read_dataclass(kind: Any, value: dict[str, Any], where: str) -> Any:
    hints = get_type_hints(kind)
    unknown = [key for key in value if key not in hints]
    required = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in required if name not in value]
    for problem, keys in (("unknown", unknown), ("missing", missing)):
        if keys:
            raise TypeError(f"{problem} key {', '.join(f'{where}.{key}'.lstrip('.') for key in keys)}")
    return kind(**{key: read(hints[key], v, f"{where}.{key}") for key, v in value.items()})


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else text[:37] + "..."
