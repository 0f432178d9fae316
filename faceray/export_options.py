"""Everything that can be set about `export`."""

from dataclasses import dataclass, field
from typing import Literal

from faceray.corpus.decode import Limits
from faceray.errors import UserError


@dataclass(frozen=True)
class ExportOptions:
    """Write a checkpoint as one file for other runtimes: from RGB pixels to probabilities and years.

    Args:
        checkpoint: its folder.
        output: the file, any fsspec address. TFLite gets a description beside it, `FILE.json`; ONNX has it inside.
        format: `onnx`, for any number of faces at once; `tflite`, for one at a time.
        precision: `fp16` halves the weights and computes in fp32; `int8` computes in 8 bits.
        calibration: a pack, or a folder or text list of aligned pictures, to check the file with, and with `int8` to
            measure the ranges of what is computed; random pixels otherwise.
        samples: faces that are taken from it.
        limits: what is refused before it is decoded.
    """

    checkpoint: str
    output: str
    format: Literal["onnx", "tflite"] = "onnx"
    precision: Literal["fp32", "fp16", "int8"] = "fp32"
    calibration: str = ""
    samples: int = 256
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.checkpoint or not self.output or self.output.endswith("/"):
            raise UserError("--checkpoint must be a folder, --output a file")
        if self.precision == "int8" and not self.calibration:
            raise UserError("--precision int8 needs --calibration: faces like those that the file will see")
        if self.samples < 4:
            raise UserError(f"--samples must be at least 4, not {self.samples}")
