"""Which index suits a gallery, and what it will take: from faces, dimensions and bounds that a user understands.

The rates are of one core of a server, from `scripts/bench_gallery.py`, rounded to the careful side.
"""

import re
from dataclasses import dataclass

from faceray.errors import UserError

FP32_FACES = 1_000_000  # up to here full precision costs little
EXACT_FACES = 50_000_000  # beyond, comparing with everyone takes long even where it fits
_EXACT_SHARD, _LISTS_SHARD = 1 << 30, 10_000_000  # bytes of an exact shard; faces of one with lists
_ID_MAP = 60  # bytes on disk for each face
_TRAINED = 40  # faces to train on, for each list

# Of one core: bytes scanned per second for one probe alone; operations per second in matrix products; codes compared
# per second; numbers turned into codes per second; bytes read from tables and written to shards per second
_SCAN, _OPERATIONS, _COMPARED, _CODED, _MOVED = 6e9, 4e10, 3e8, 1e7, 2e8


@dataclass(frozen=True)
class Bounds:
    """What the user can say.

    Args:
        recall: share of probes whose nearest face must be found; 1 is exact search.
        memory: bytes of one machine that is to search.
        latency_ms: most milliseconds for one probe alone, on all cores; 0 for no bound.
        machines, cores: that build and search; cores of each.
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
        build_seconds, latency_ms: of the whole build, and of one probe alone.
    """

    key: str
    shard_faces: int
    memory: int
    disk: int
    train_faces: int
    build_seconds: float
    latency_ms: float


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
    small, quick = min(choices, key=lambda c: c.memory), min(choices, key=lambda c: c.latency_ms)
    raise UserError(
        f"{faces:,} faces of {dimension} dimensions do not fit: at least {small.memory / 1e9:.3g} GB of memory are "
        f"needed, there are {memory / 1e9:.3g}; a probe takes at least {quick.latency_ms:.3g} ms ({quick.key})"
    )


def estimate(faces: int, dimension: int, bounds: Bounds, key: str) -> Choice:
    """What an index of this key takes."""
    lists, code, vector = _lists(key), _code_bytes(key, dimension), _vector_bytes(key, dimension)
    most = _most(bounds, code, vector, bool(lists))
    shards = -(-faces // most)
    trained = min(faces, _TRAINED * lists)
    operations = 2.0 * dimension * lists * (10 * trained + faces)  # ten rounds of k-means, and a list for each face
    seconds = operations / _OPERATIONS + (code > 0) * faces * dimension / _CODED
    seconds += faces * (4 * dimension + code + vector) / _MOVED
    coarse = 4 * lists * dimension * shards
    scanned = coarse / _SCAN + faces / 64 / _COMPARED if lists else faces * vector / _SCAN
    cores = bounds.machines * bounds.cores
    return Choice(
        key=key,
        shard_faces=most,
        memory=faces * (code or vector) + coarse,
        disk=faces * (code + vector + _ID_MAP) + coarse,
        train_faces=trained,
        build_seconds=seconds / cores,
        latency_ms=1000 * scanned / cores,
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
    lists = 1 << max(2, round((faces / shards * 16) ** 0.5).bit_length() - 1)
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
