"""The export job: a checkpoint as an ONNX or TFLite file that is known to answer like it."""

import json
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from faceray.export_options import ExportOptions
from faceray.exporting.onnx_file import run_onnx, write_onnx
from faceray.exporting.parity import Answers, Parity, check, compare
from faceray.exporting.portable import Portable, describe
from faceray.exporting.samples import noise, real_faces
from faceray.exporting.tflite_file import run_tflite, write_tflite
from faceray.models.checkpoint import load_checkpoint
from faceray.progress import say
from faceray.storage import Folder
from faceray.vision.align import Crop

_NOISE = 16  # faces
_CHUNK = 32


@dataclass(frozen=True)
class Exported:
    """The file, its size in bytes, and how near it is to the checkpoint, on so many `faces`."""

    file: str
    bytes: int
    faces: int
    parity: tuple[Parity, ...]


def export(options: ExportOptions) -> Exported:
    """Convert, compare with the checkpoint, write.

    Raises:
        UserError: no sound checkpoint, a package that is missing, or answers that differ too much: nothing is written.
    """
    model = load_checkpoint(options.checkpoint)
    portable = Portable(model).eval().requires_grad_(False)
    given, held_out = _faces(options, model.crop)
    description = describe(model.card, options.precision, None if options.format == "onnx" else 1)
    with tempfile.TemporaryDirectory(prefix="faceray-") as temporary:
        path = Path(temporary) / f"model.{options.format}"
        say(f"converting {model.card.name} to {options.format} in {options.precision}; large networks take minutes")
        if options.format == "onnx":
            write_onnx(portable, path, options.precision, given, description)
        else:
            write_tflite(portable, path, options.precision, given)
        say(f"comparing with the checkpoint on {len(held_out)} faces")
        found = run_onnx(path, held_out) if options.format == "onnx" else run_tflite(path, held_out)
        parity = compare(model.tasks, _expected(portable, held_out), found)
        check(parity, options.precision)
        content = path.read_bytes()
    parent, _, name = options.output.rpartition("/")
    folder = Folder.at(parent or ("/" if options.output.startswith("/") else "."))
    folder.write(name, content)
    if options.format == "tflite":
        description["sha256"] = sha256(content).hexdigest()
        folder.write(f"{name}.json", json.dumps(description, indent=2, ensure_ascii=False).encode() + b"\n")
    return Exported(options.output, len(content), len(held_out), parity)


def _faces(options: ExportOptions, crop: Crop) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """To measure ranges on, and to compare with: not the same ones."""
    if not options.calibration:
        faces = noise(crop, 2 * _NOISE)
    else:
        faces = real_faces(options.calibration, crop, options.samples, options.limits)
    return faces[::2], faces[1::2]


def _expected(portable: Portable, faces: NDArray[np.uint8]) -> Answers:
    with torch.inference_mode():
        answers = [portable(torch.from_numpy(faces[i : i + _CHUNK])) for i in range(0, len(faces), _CHUNK)]
    return {name: np.concatenate([answer[name].numpy() for answer in answers]) for name in answers[0]}
