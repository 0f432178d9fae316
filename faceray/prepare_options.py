"""Everything that can be set about `prepare`."""

from dataclasses import dataclass, field
from typing import Any

from faceray.corpus.decode import Limits
from faceray.datasets.enlarging import Enlarge
from faceray.datasets.picking import Faces
from faceray.datasets.regions import Regions
from faceray.datasets.split import Split
from faceray.errors import UserError
from faceray.options import Workers
from faceray.vision.align import Crop
from faceray.vision.mtcnn import MtcnnOptions


@dataclass(frozen=True)
class PrepareOptions:
    """Make a labelled set ready for training: a pack of aligned faces with their labels.

    Args:
        dataset: name of the set, or nothing to list the names.
        source: folder of the set, in its official layout.
        output: folder of the pack; anything in it is replaced.
        limit: at most this many entries of the set.
        set: options of the set's reader.
        faces: `detect` finds and aligns them; `given` cuts by the set's own box or landmarks; `whole` takes the image;
            `regions` cuts regions on and off the set's boxes, for networks that detect.
        regions: which regions.
        enlarge: what `detect` does to pictures first; sets of tight crops, FER+ above all, need it.
        crop: what is kept of a face; recipes say what they need.
        split: which part a sample belongs to.
        single: drop images with more than one detected face.
        min_score: least confidence of the detector.
        min_size: least side of the detected box in pixels.
        samples_per_shard: rows of one Parquet file.
        detector: what counts as a face.
        limits: what is refused before it is decoded.
        workers: how the work is spread.
        picture_seconds: a worker that finishes no picture for so long is given up, and that picture dropped.
        device: `auto`, `cpu` or `cuda`.
        address: the Ray cluster to work on; see annotate.
    """

    dataset: str
    source: str
    output: str
    limit: int | None = None
    set: dict[str, Any] = field(default_factory=dict)
    faces: Faces = "detect"
    regions: Regions = field(default_factory=Regions)
    enlarge: Enlarge = field(default_factory=Enlarge)
    crop: Crop = field(default_factory=lambda: Crop("similarity", 112))
    split: Split = field(default_factory=Split)
    single: bool = False
    min_score: float = 0.0
    min_size: float = 0.0
    samples_per_shard: int = 2048
    detector: MtcnnOptions = field(default_factory=MtcnnOptions)
    limits: Limits = field(default_factory=Limits)
    workers: Workers = field(default_factory=Workers)
    picture_seconds: float = 300.0
    device: str = "auto"
    address: str | None = None

    def __post_init__(self) -> None:
        if self.faces == "regions" and self.crop.kind != "margin":
            raise UserError("--faces regions stretches regions over the picture: it needs --crop.kind margin")
        if self.limit is not None and self.limit < 1:
            raise UserError(f"--limit must be at least 1, not {self.limit}")
        if self.picture_seconds < 1:
            raise UserError(f"--picture-seconds must be at least 1, not {self.picture_seconds:g}")
        if self.samples_per_shard < 1:
            raise UserError(f"--samples-per-shard must be at least 1, not {self.samples_per_shard}")
