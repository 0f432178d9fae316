"""Which index suits a gallery, and what it will take: from faces, dimensions and bounds that a user understands.

The rates are of one core of a server, from `scripts/bench_gallery.py`, rounded to the careful side.
"""

import math
import re
from dataclasses import dataclass

from faceray.errors import UserError
from faceray.units import in_units

FP32_FACES = 1_000_000  # up to here full precision costs little
EXACT_FACES = 50_000_000  # beyond, comparing with everyone takes long even where it fits
_EXACT_SHARD, _LISTS_SHARD = 1 << 30, 10_000_000  # bytes of an exact shard; faces of one with lists
_ID_MAP = 60  # bytes on disk for each face
_TRAINED = 40  # faces to train on, for each list

_VISITED = 1 / 16  # share of the codes that a search through lists compares
_RANKED = 128  # candidates that it compares again, in each shard
_TESTED = 256  # probes of a shard's self-test

# Of one core, each second: bytes scanned; operations of matrix products; numbers turned into codes; vectors read here
# and there; bytes read from tables and written to shards
_SCANNED, _OPERATIONS, _CODED, _PICKED, _MOVED = 6e9, 6e10, 5e7, 1e6, 2e8


@dataclass(frozen=True)
class Bounds:
    """What the user can say.

    Args:
        recall: share of probes whose nearest face must be found; 1 is exact search.
        memory: bytes of one machine that is to search.
        latency_ms: most milliseconds for one probe alone; 0 for no bound.
        machines, cores: that build and search; cores of each. A probe alone has one core of each machine.
    """

    recall: float = 0.99
    memory: int = 8_000_000_000
    latency_ms: float = 0.0
    machines: int = 1
    cores: int = 1


@dataclass(frozen=True)
class Choice:
    """An index, and what it takes.

    Attributes:
        key: for FAISS. shard_faces: most faces of one shard.
        memory: bytes to keep in memory, on all machines together. disk: bytes of all files.
        train_faces: to learn lists and codes from.
        build_seconds: of the whole build. latency_ms: of one probe alone. probes_per_second: of many together.
    """

    key: str
    shard_faces: int
    memory: int
    disk: int
    train_faces: int
    build_seconds: float
    latency_ms: float
    probes_per_second: float


def choose(faces: int, dimension: int, bounds: Bounds, key: str = "") -> Choice:
    """The most exact index that keeps within the bounds: fp32; fp16; or lists of compressed codes, with the best
    candidates compared again in fp16, which then stay on disk.

    Args:
        faces: at least 1.
        key: a FAISS key that is taken instead, if it keeps within the bounds.

    Raises:
        UserError: nothing does.
    """
    keys = [key] if key else _keys(faces, dimension, bounds)
    choices = [estimate(faces, dimension, bounds, key) for key in keys]
    memory = bounds.memory * bounds.machines
    for choice in choices:
        if choice.memory <= memory and choice.latency_ms <= (bounds.latency_ms or choice.latency_ms):
            return choice
    small, fitting = min(choices, key=lambda c: c.memory), [c for c in choices if c.memory <= memory]
    if not fitting:
        raise UserError(
            f"{faces:,} faces of {dimension} dimensions do not fit: at least {in_units(small.memory)} of memory are "
            f"needed ({small.key}), there are {in_units(memory)}: see --memory and --machines"
        )
    quick = min(fitting, key=lambda c: c.latency_ms)
    raise UserError(
        f"a probe alone among {faces:,} faces takes about {quick.latency_ms:.3g} ms or more ({quick.key}), "
        f"not {bounds.latency_ms:g}: see --latency-ms, --machines and --recall"
    )


def estimate(faces: int, dimension: int, bounds: Bounds, key: str) -> Choice:
    """What an index of this key takes."""
    lists, code, vector = _lists(key), _code_bytes(key, dimension), _vector_bytes(key, dimension)
    most = _most(bounds, code, vector, bool(lists))
    shards = -(-faces // most)
    trained = min(faces, _TRAINED * lists)
    coarse = 4 * lists * dimension * shards
    operations = 2.0 * dimension * (lists * (10 * trained + faces) + _TESTED * faces)  # ten rounds of k-means
    building = operations / _OPERATIONS + faces * ((code > 0) * dimension / _CODED + (4 * dimension + vector) / _MOVED)
    compared, visited, ranked = faces, 0.0, 0.0
    if lists:
        compared, visited, ranked = shards * lists, faces * _VISITED * (code or vector), shards * _RANKED / _PICKED
    alone = ((coarse or faces * vector) + visited) / _SCANNED + ranked
    together = 2.0 * dimension * compared / _OPERATIONS + visited / _SCANNED + ranked
    return Choice(
        key=key,
        shard_faces=most,
        memory=faces * (code or vector) + coarse,
        disk=faces * (code + vector + _ID_MAP) + coarse,
        train_faces=trained,
        build_seconds=building / bounds.machines / bounds.cores,
        latency_ms=1000 * alone / bounds.machines,
        probes_per_second=bounds.machines * bounds.cores / together,
    )


def _keys(faces: int, dimension: int, bounds: Bounds) -> list[str]:
    """From the most exact to the most compressed."""
    exact = ["Flat"] if faces <= FP32_FACES else []
    if bounds.recall < 1:
        exact += ["SQfp16"] if faces <= EXACT_FACES else []
        return [*exact, compressed(faces, dimension, bounds)]
    return ["Flat"]


def compressed(faces: int, dimension: int, bounds: Bounds) -> str:
    """The key of lists of compressed codes, with exact comparison of the best in fp16."""
    pairs = _pairs(dimension)
    codes = f"PQ{pairs}x4fs" if pairs else "SQ8"
    code, vector = _code_bytes(f"IVF1,{codes},Refine(SQfp16)", dimension), 2 * dimension
    shards = -(-faces // _most(bounds, code, vector, True))
    lists = 1 << max(2, round(math.log2(4 * (faces / shards) ** 0.5)))
    return f"IVF{lists},{codes},Refine(SQfp16)"


def _pairs(dimension: int) -> int:
    """Numbers of four bits for a vector: one for every four dimensions; 0 where they cannot be cut like that."""
    return dimension // 4 if dimension % 4 == 0 else 0


def _most(bounds: Bounds, code: int, vector: int, lists: bool) -> int:
    """Faces of one shard: it is built in memory, so it must fit easily."""
    room = bounds.memory // 4 // (code + vector)
    return max(1, min(room, _LISTS_SHARD if lists else _EXACT_SHARD // vector))


def _lists(key: str) -> int:
    match = re.search(r"IVF(\d+)", key)
    return int(match[1]) if match else 0


def _code_bytes(key: str, dimension: int) -> int:
    """Of what stays in memory beside vectors that are read only for the best candidates; 0 where there is none."""
    if "Refine" not in key:
        return 0
    match = re.search(r"PQ(\d+)(?:x(\d+))?", key)
    bits = int(match[1]) * int(match[2] or 8) if match else 8 * dimension
    return -(-bits // 8) + 8  # and the number of the face


def _vector_bytes(key: str, dimension: int) -> int:
    """Of the vectors that are compared in the end."""
    last = key.rpartition("Refine(")[2]
    return dimension * (2 if "fp16" in last else 1 if "SQ8" in last else 4)
