"""Pickles from strangers: plain values and arrays of bytes are read, nothing is ever imported or called."""

import io
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faceray.errors import UserError

SIZE_LIMIT = 1 << 30  # bytes; the largest verification set of InsightFace has 90 MB
OPERATION_LIMIT = 500_000  # each makes an object of some 100 bytes at most, its own payload apart

_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_VALUES = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG1"}
    | {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"}
    | {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
)
_OLD_STRINGS = frozenset({"STRING", "SHORT_BINSTRING", "BINSTRING"})
_MARK = object()


class Array:
    """A numpy array of one-byte elements: its type (`u1`, `b1`) and its elements in the order of memory."""

    def __init__(self) -> None:
        self.dtype = ""
        self.data = b""


class _Name(str):
    """A class or function that the pickle asks for; known names are carried out by `_call`."""

    __slots__ = ()


def load(path: Path, limit: int = SIZE_LIMIT) -> Any:
    """The value in a pickle file, without running code that the file chooses.

    The opcodes are interpreted here, since Python's own Unpickler, even one that forbids all imports, reserves as
    much memory as the file asks for. Understood are None, bool, int, bytes, str, list and tuple, and of numpy what
    arrays and scalars of one-byte types need: arrays become `Array`, scalars bool. Strings of Python 2 become bytes.

    Args:
        limit: size of the largest file that is read, in bytes.

    Raises:
        UserError: the file is absent, too large, damaged, or holds anything else.
    """
    try:
        if path.stat().st_size > limit:
            raise UserError(f"{path} has more than {limit} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error}") from error
    try:
        return _interpret(content)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is not a pickle of plain values: {str(error)[:200]}") from error


def _interpret(content: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    operations: Iterator[tuple[pickletools.OpcodeInfo, Any, Any]] = pickletools.genops(io.BytesIO(content))
    for count, (opcode, argument, _) in enumerate(operations):
        if count > OPERATION_LIMIT:
            raise ValueError(f"more than {OPERATION_LIMIT} operations")
        name = opcode.name
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _OLD_STRINGS:
            stack.append(argument.encode("latin-1"))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME"):
            _build(name, argument, stack)
    raise ValueError("no end")


def _build(name: str, argument: Any, stack: list[Any]) -> None:
    """Operations that make something of what is on the stack."""
    if name == "MARK":
        stack.append(_MARK)
    elif name == "EMPTY_LIST":
        stack.append([])
    elif name == "LIST":
        stack.append(_since_mark(stack))
    elif name == "APPEND":
        item = stack.pop()
        _as(list, stack[-1]).append(item)
    elif name == "APPENDS":
        items = _since_mark(stack)
        _as(list, stack[-1]).extend(items)
    elif name == "TUPLE":
        stack.append(tuple(_since_mark(stack)))
    elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
        length = int(name[-1])
        stack[-length:] = [tuple(stack[-length:])]
    elif name == "GLOBAL":
        stack.append(_Name(argument.replace(" ", ".")))
    elif name == "STACK_GLOBAL":
        module, attribute = stack[-2:]
        stack[-2:] = [_Name(f"{_as(str, module)}.{_as(str, attribute)}")]
    elif name == "REDUCE":
        arguments = _as(tuple, stack.pop())
        stack[-1] = _call(_as(_Name, stack[-1]), arguments)
    elif name == "BUILD":
        state = _as(tuple, stack.pop())
        if isinstance(stack[-1], Array):  # version, shape, dtype, order, elements
            stack[-1].dtype, stack[-1].data = _as(str, state[2]), bytes(_as(bytes, state[4]))
        else:
            _as(str, stack[-1])  # a dtype: its state says the order of bytes, of which there is one
    else:
        raise ValueError(f"unexpected operation {name}")


def _call(name: _Name, arguments: tuple[Any, ...]) -> Any:
    """What calling a known name would give; the name itself is never looked up."""
    known = name.replace("numpy._core.", "numpy.core.")
    if known == "_codecs.encode":  # bytes, as Python 3 writes them for Python 2
        return _as(str, arguments[0]).encode("latin-1")
    if known in ("__builtin__.bytes", "builtins.bytes") and not arguments:
        return b""
    if known == "numpy.dtype":
        dtype = arguments[0].decode() if isinstance(arguments[0], bytes) else _as(str, arguments[0])
        if dtype not in ("u1", "b1"):
            raise ValueError(f"an array of {dtype}, not of bytes")
        return dtype
    if known == "numpy.core.multiarray.scalar":
        return bool(_as(bytes, arguments[1]).strip(b"\0"))
    if known == "numpy.core.multiarray._reconstruct":
        return Array()
    if known == "numpy.core.numeric._frombuffer":
        array = Array()
        array.data, array.dtype = bytes(_as(bytes | bytearray, arguments[0])), _as(str, arguments[1])
        return array
    raise ValueError(f"it calls {name}")


def _since_mark(stack: list[Any]) -> list[Any]:
    """Takes what was put on the stack since the last mark, and the mark."""
    start = next((i for i in range(len(stack) - 1, -1, -1) if stack[i] is _MARK), None)
    if start is None:
        raise ValueError("a mark is missing")
    items = stack[start + 1 :]
    del stack[start:]
    return items


def _as(kind: Any, value: Any) -> Any:
    """The value, if it is of the kind that the operation needs."""
    if not isinstance(value, kind):
        raise TypeError(f"a {type(value).__name__} in the wrong place")
    return value
