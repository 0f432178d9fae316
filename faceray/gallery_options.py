"""Everything that can be set about a gallery's build."""

import os
import re
from dataclasses import dataclass, field

from faceray.errors import UserError
from faceray.gallery.choice import Bounds
from faceray.gallery.filters import Filter
from faceray.options import listed
from faceray.storage import StorageOptions

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?B?)", re.IGNORECASE)


@dataclass(frozen=True)
class GalleryOptions:
    """Build a gallery: who is known, ready to be searched.

    Args:
        faces: what was given to annotate as `--output`; several, separated by commas, when the same identity network
            made them.
        output: folder or bucket prefix of the gallery; a build makes a new generation in it, and readers change over
            when it is complete.
        min_quality: faces of at least this quality, 0 to 1.
        min_score: faces of at least this confidence of the detector, 0 to 1.
        since: faces annotated by runs that started on this UTC day or later, such as 2026-11-22.
        where: a condition in SQL on the columns of the faces table, such as `face_index = 0 AND abs(yaw) < 30`.
        identities: who the faces are: a CSV file with columns `identity` and `face_id` or `uri`; or `folder`: the
            name of the folder that the picture is in. What is said of a picture is said of its largest face.
        recall: share of probes whose nearest face must be found; 1 searches exactly.
        memory: of one machine that is to search the gallery, such as 8GB; without it half of this machine's.
        machines: that are to share the gallery's shards when it is searched.
        latency_ms: most milliseconds that one probe alone may take; 0 for no bound.
        key: a FAISS key instead of the choice that recall, memory and latency lead to.
        add: keep the gallery as it is and add the faces that are new in the tables.
        remove: take faces out of the gallery, and keep them out: `identity=NAME`, `uri=…`, `prefix=…` (of a uri),
            `image_id=…` or `face_id=…`; or a CSV file with one of these columns; or `missing`: those that the tables
            no longer have.
        keep: generations that stay, this one included; 1 leaves no file with a removed face.
        dry_run: say what would be built: index, memory, disk, time.
        workers: shards that a cluster builds at the same time; 0 leaves it to the cluster's size.
        threads: CPU threads for each shard; 0 takes all of this machine, or four in a cluster.
        storage: how buckets are reached.
        address: the Ray cluster to build on. Without it, or RAY_ADDRESS, galleries of few shards are built in process.
    """

    output: str
    faces: str = ""
    min_quality: float = 0.0
    min_score: float = 0.0
    since: str = ""
    where: str = ""
    identities: str = ""
    recall: float = 0.99
    memory: str = ""
    machines: int = 1
    latency_ms: float = 0.0
    key: str = ""
    add: bool = False
    remove: str = ""
    keep: int = 2
    dry_run: bool = False
    workers: int = 0
    threads: int = 0
    storage: StorageOptions = field(default_factory=StorageOptions)
    address: str | None = None

    def __post_init__(self) -> None:
        if not self.output:
            raise UserError("--output is empty")
        if not self.faces and (self.add or not self.remove or self.remove == "missing"):
            raise UserError("--faces is empty: name the output of annotate")
        if not 0 < self.recall <= 1:
            raise UserError(f"--recall must be above 0 and at most 1, not {self.recall:g}")
        for name, least in (("keep", 1), ("machines", 1), ("workers", 0), ("threads", 0), ("latency_ms", 0)):
            if not getattr(self, name) >= least:
                raise UserError(f"--{name.replace('_', '-')} must be at least {least}, not {getattr(self, name):g}")
        if self.key and self.updates:
            raise UserError("--key is for a gallery that is built anew: --add and --remove keep the index")
        self.bounds  # noqa: B018  are wrong at once or not at all
        self.filter  # noqa: B018  is wrong at once or not at all

    @property
    def updates(self) -> bool:
        """Whether the gallery is changed instead of built anew."""
        return self.add or bool(self.remove)

    @property
    def tables(self) -> tuple[str, ...]:
        """The outputs of `faces`."""
        return listed(self.faces)

    @property
    def filter(self) -> Filter:
        """Which faces of the tables."""
        return Filter(self.min_quality, self.min_score, self.since, self.where)

    @property
    def bounds(self) -> Bounds:
        """What the index must keep within."""
        memory = size(self.memory) if self.memory else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
        return Bounds(self.recall, memory, self.latency_ms, self.machines, self.threads or os.cpu_count() or 1)


def size(text: str) -> int:
    """Bytes, from `8GB` or `1.5 TB`: powers of 1000.

    Raises:
        UserError: it is not a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise UserError(f"--memory {text!r} is not a size such as 8GB")
    unit = match[2].upper()
    return int(float(match[1]) * _UNITS[unit if unit in _UNITS else f"{unit}B"])
