"""Everything that can be set about a match."""

from dataclasses import dataclass, field
from typing import Literal

from faceray.errors import UserError
from faceray.gallery.filters import Filter
from faceray.storage import StorageOptions


@dataclass(frozen=True)
class MatchOptions:
    """Who is it? Search a gallery for every probe, or compare the probes with each other.

    Args:
        probes: what was given to annotate as `--output` (several, separated by commas), or photos as annotate's
            `--input` takes them; those are annotated first. A `.txt` list of `.npy` files with one embedding each is
            only compared one to one, with such a list as the gallery or with itself; that gives score files alone.
        output: folder or bucket prefix of the matches, the report and the score files.
        gallery: where it is; without one the probes are compared with each other.
        generation: of the gallery; the current one if not given.
        top: candidates of each probe.
        fpir: false positive identification rate: of the probes whose person is not in the gallery, the part for which
            somebody may be accepted. The threshold follows from it and from the gallery's size.
        threshold: from which cosine similarity on a candidate is accepted, instead of the one that follows from fpir.
        prior: probability that a probe's person is in the gallery, before looking; the probabilities follow from it.
        calibrate: `auto` takes the gallery's calibration, and measures it where there is none; `gallery` measures it
            anew with the gallery's faces, `probes` with the probes, which should have names in the gallery's terms.
        identities: who the probes are, to measure how well they are found: a CSV file with columns `identity` and
            `face_id` or `uri`; or `folder`: the name of the folder that the picture is in. What is said of a picture
            is said of its largest face.
        min_quality: probes of at least this quality, 0 to 1.
        min_score: probes of at least this confidence of the detector, 0 to 1.
        since: probes annotated by runs that started on this UTC day or later, such as 2026-11-22.
        where: a condition in SQL on the columns of the faces table, such as `face_index = 0`.
        score_files: a name such as `AA`: write `AA_authentic.npy`, `AA_impostor.npy` and the lists of labels, with the
            score of every named probe and every named face of the gallery.
        dataset: how names of `.npy` files tell the person: `CHIYA`, `CHIYA_VAL`, `PUBLIC_IVS`; by default what comes
            before the first underscore.
        pictures: probes shown in the report.
        embedding: identity network for photos; the gallery's if not given.
        device: `auto`, `cpu` or `cuda`, for photos.
        address: the Ray cluster to work on. Without it, or RAY_ADDRESS, galleries of few shards are searched in
            process.
        storage: how buckets are reached.
        input_storage: how photos are reached, where that is not as the output.
    """

    probes: str
    output: str
    gallery: str = ""
    generation: str = ""
    top: int = 10
    fpir: float = 0.01
    threshold: float | None = None
    prior: float = 0.5
    calibrate: Literal["auto", "gallery", "probes"] = "auto"
    identities: str = ""
    min_quality: float = 0.0
    min_score: float = 0.0
    since: str = ""
    where: str = ""
    score_files: str = ""
    dataset: str = ""
    pictures: int = 24
    embedding: str = ""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    address: str | None = None
    storage: StorageOptions = field(default_factory=StorageOptions)
    input_storage: StorageOptions | None = None

    def __post_init__(self) -> None:
        for name in ("probes", "output"):
            if not getattr(self, name):
                raise UserError(f"--{name} is empty")
        for name in ("fpir", "prior"):
            if not 0 < getattr(self, name) < 1:
                raise UserError(f"--{name} must be above 0 and below 1, not {getattr(self, name):g}")
        if self.threshold is not None and not -1 <= self.threshold <= 1:
            raise UserError(f"--threshold must be from -1 to 1, not {self.threshold:g}")
        if not 1 <= self.top <= 1000:
            raise UserError(f"--top must be from 1 to 1000, not {self.top}")
        if self.pictures < 0:
            raise UserError(f"--pictures must be at least 0, not {self.pictures}")
        if self.score_files and not self.score_files.replace("-", "").replace("_", "").isalnum():
            raise UserError(f"--score-files must be letters, digits, - and _, not {self.score_files!r}")
        if self.generation and not self.gallery:
            raise UserError("--generation is of a gallery: give --gallery")
        self.filter  # noqa: B018  is wrong at once or not at all

    @property
    def filter(self) -> Filter:
        """Which faces of the tables."""
        return Filter(self.min_quality, self.min_score, self.since, self.where)
