"""What a generation of a gallery is: `gallery.json`."""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

from faceray.errors import UserError
from faceray.typed_json import read

MOST_CARD_BYTES = 1 << 26
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,99}")  # of generations and files: they become parts of paths
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Which network made the embeddings. Two faces can be compared when their contracts are equal.

    Args:
        name: of the identity network, as in `--embedding`.
        sha256: of its weight files.
        settings: what else decides about its numbers: the crops it sees, its precision.
        dimension: length of an embedding.
    """

    name: str
    sha256: tuple[str, ...]
    settings: dict[str, Any]
    dimension: int


@dataclass(frozen=True, kw_only=True)
class File:
    """A file below `shards/`: its size in bytes and its sha256, hexadecimal."""

    name: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.bytes < 1 or not _SHA256.fullmatch(self.sha256):
            raise UserError(f"{self.name}: not a size and a sha256: {self.bytes}, {self.sha256[:80]!r}")


@dataclass(frozen=True, kw_only=True)
class ShardCard:
    """One shard.

    Args:
        faces: vectors in it.
        index: the vectors, a FAISS file. ids: a row for each of them, Parquet.
        lists: that a search visits, where the index has lists; else 0.
        candidates: compared exactly in the end, where the index compares its codes first; else 0.
        recall_at_1: share of self-test probes whose nearest face is found, against exact search over this shard.
        recall_at_10: share of their ten nearest faces that are found.
        tested: self-test probes.
    """

    faces: int
    index: File
    ids: File
    lists: int = 0
    candidates: int = 0
    recall_at_1: float
    recall_at_10: float
    tested: int

    def __post_init__(self) -> None:
        if self.faces < 1:
            raise UserError(f"shard {self.index.name} has no faces")


@dataclass(frozen=True, kw_only=True)
class GalleryCard:
    """What `gallery.json` says of a generation.

    Args:
        generation: its name, the UTC time of its build.
        network: which network made the embeddings.
        metric: scores are cosine similarities, -1 to 1.
        identities: different names among the faces.
        index: the FAISS key of the shards. shard_faces: the most that one has.
        trained: the empty index that new shards start from; None where there is nothing to train.
        banned: Parquet with the `face_id` of faces that were removed and stay out; None where there are none.
        target: recall at 1 that was asked for.
        seconds: that the build took.
        options: of the build.
        calibration: what `match` decides by; None until it has been measured.
    """

    generation: str
    network: Contract
    metric: Literal["cosine"] = "cosine"
    faces: int
    identities: int
    index: str
    shards: tuple[ShardCard, ...]
    shard_faces: int
    trained: File | None
    banned: File | None
    target: float
    seconds: float
    built_at: str
    faceray: str
    options: dict[str, Any]
    calibration: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        check_name(self.generation)
        if self.faces != sum(shard.faces for shard in self.shards):
            raise UserError(f"{self.faces} faces, but the shards have {sum(s.faces for s in self.shards)}")

    @property
    def files(self) -> tuple[File, ...]:
        """All files below `shards/`."""
        others = (file for file in (self.trained, self.banned) if file)
        return (*others, *(file for shard in self.shards for file in (shard.index, shard.ids)))

    @property
    def bytes(self) -> int:
        """Size of all files of the generation."""
        return sum(file.bytes for file in self.files)

    @property
    def recall_at_1(self) -> float:
        """Mean of the shards', each face counting the same."""
        return sum(s.recall_at_1 * s.faces for s in self.shards) / max(1, self.faces)

    @property
    def recall_at_10(self) -> float:
        """Mean of the shards', each face counting the same."""
        return sum(s.recall_at_10 * s.faces for s in self.shards) / max(1, self.faces)


def card_to_json(card: GalleryCard) -> str:
    """Indented JSON. `card_from_json` gives an equal card back."""
    return json.dumps(asdict(card), indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n"


def card_from_json(text: str, source: str = "gallery.json") -> GalleryCard:
    """Read a card strictly.

    Raises:
        UserError: not JSON; an unknown or a missing key; a value of the wrong type; counts that do not add up.
    """
    try:
        card: GalleryCard = read(GalleryCard, json.loads(text, parse_constant=_refuse))
    except (ValueError, TypeError, RecursionError, UserError) as error:
        raise UserError(f"{source}: {error}") from error
    return card


def check_name(name: str) -> str:
    """A name of a generation or file, if it is safe as part of a path.

    Raises:
        UserError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"not the name of a generation or file: {name[:80]!r}")
    return name


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
