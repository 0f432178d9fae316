"""Everything that can be set about a clustering."""

from dataclasses import dataclass, field
from typing import Literal

from faceray.corpus.decode import Limits
from faceray.errors import UserError
from faceray.storage import StorageOptions


@dataclass(frozen=True)
class ClusterOptions:
    """Find out who is who in a whole corpus: faces of one person get one number.

    Args:
        faces: what was given to annotate as `--output`.
        output: folder or bucket prefix of the identities. A later run replaces them; who was there keeps the number.
        threshold: cosine similarity from which on two faces are linked; without it, it is chosen from the faces.
        neighbours: most similar faces that a face is linked to at most.
        algorithm: how links become people: Chinese whispers, connected components, or components of dense places.
        min_quality: faces of lower quality, 0 to 1, take no part, as blurred faces of all people are alike; they are
            attached afterwards to the person most like them.
        min_score: the same for the confidence of the detector, 0 to 1: what is no face is like other such things.
        attach: whether poor faces are attached at all.
        names: a CSV file with columns `identity` (a name) and `face_id` or `uri`, which stands for the largest face
            of a picture. A person is called what most of its named faces are called.
        gallery: a gallery of the same embedding network, whose names are taken over in the same way, where `names`
            does not name a person.
        near_duplicates: also look for photos that show nearly the same. Every photo is read once, in the first run
            that sees it.
        duplicate_bits: of the 64 bits of their perceptual hashes that near-duplicates differ in at most, 0 to 10.
        recall: share of the links that must be found, from one of their ends, where there are so many faces that not
            all are compared with all; 1 compares them.
        sheets: of how many people, the largest ones, the report shows faces.
        fetch_threads: photos that one task reads at the same time.
        limits: what is refused before it is decoded.
        storage: how buckets are reached.
        input_storage: how the photos are reached, where that is not as the tables.
        address: the Ray cluster to work on. Without it, or RAY_ADDRESS, a local one is started where there is much to
            do, and none where there is little.
    """

    faces: str
    output: str
    threshold: float | None = None
    neighbours: int = 32
    algorithm: Literal["whispers", "components", "density"] = "whispers"
    min_quality: float = 0.3
    min_score: float = 0.95
    attach: bool = True
    names: str = ""
    gallery: str = ""
    near_duplicates: bool = False
    duplicate_bits: int = 6
    recall: float = 0.98
    sheets: int = 24
    fetch_threads: int = 8
    limits: Limits = field(default_factory=Limits)
    storage: StorageOptions = field(default_factory=StorageOptions)
    input_storage: StorageOptions | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        for name in ("faces", "output"):
            if not getattr(self, name):
                raise UserError(f"--{name} is empty")
        bounds = {
            "threshold": (0, 1),
            "neighbours": (1, 1024),
            "min_quality": (0, 1),
            "min_score": (0, 1),
            "duplicate_bits": (0, 10),
            "recall": (0, 1),
            "sheets": (0, 1000),
            "fetch_threads": (1, 1024),
        }
        for name, (least, most) in bounds.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise UserError(f"--{name.replace('_', '-')} must be from {least} to {most}, not {value:g}")
