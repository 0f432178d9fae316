"""Everything that can be set about `predict`."""

from dataclasses import dataclass, field
from typing import Literal

from faceray.corpus.decode import Limits
from faceray.errors import UserError
from faceray.options import SUFFIXES, listed
from faceray.vision.mtcnn import MtcnnOptions

Format = Literal["text", "json", "parquet"]


@dataclass(frozen=True)
class PredictOptions:
    """Let checkpoints look at pictures. Runs on this machine alone: for whole corpora see annotate.

    Args:
        models: folders of checkpoints, separated by commas.
        input: a text file of paths, one on each line; or a folder, an image or a pack.
        output: folder for the results, `NAME_predictions.txt` (.json, .parquet) after the list, folder or pack.
        source: the folder that the paths of a list are below.
        faces: `whole`: the pictures are aligned faces, made as large as a network wants them; `detect`: they are
            photos whose faces are found and cut out.
        part: of a pack: `train`, `val` or `test`; all where empty.
        format: `text`: a line for each picture, `path [race] [gender] [age]` by numbers, then the other tasks; `json`:
            a list with the probabilities; `parquet`: a table; `auto`: text for `whole`, JSON for `detect`.
        mirror: give the mean of the answers to a picture and to its mirror image.
        save_images: draw each photo's faces into a copy of it, below `drawn` in the output.
        batch: aligned pictures that are looked at together; photos go in eights.
        threads: files that are read at the same time.
        suffixes: file name endings that count as images when a folder is listed, separated by commas.
        device: `auto`, `cpu` or `cuda`.
        precision: arithmetic of the checkpoints; the detector always computes in fp32.
        detector: what counts as a face.
        limits: what is refused before it is decoded.
    """

    models: str
    input: str
    output: str
    source: str = ""
    faces: Literal["whole", "detect"] = "whole"
    part: str = ""
    format: Literal["auto", "text", "json", "parquet"] = "auto"
    mirror: bool = False
    save_images: bool = False
    batch: int = 64
    threads: int = 4
    suffixes: str = SUFFIXES
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["fp32", "bf16"] = "fp32"
    detector: MtcnnOptions = field(default_factory=MtcnnOptions)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name in ("input", "output"):
            if not getattr(self, name):
                raise UserError(f"--{name} is empty")
        if not self.checkpoints:
            raise UserError("--models names no checkpoint")
        if self.batch < 1 or self.threads < 1:
            raise UserError(f"--batch {self.batch} and --threads {self.threads} must be at least 1")
        if self.faces == "detect" and self.format == "text":
            raise UserError("--format text has a line for each aligned face: photos go to json or parquet")
        if self.save_images and self.faces == "whole":
            raise UserError("--save-images draws the faces of photos: it goes with --faces detect")

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The folders of `models`."""
        return listed(self.models)

    @property
    def written(self) -> Format:
        """The format that `auto` stands for."""
        if self.format == "auto":
            return "json" if self.faces == "detect" else "text"
        return self.format
