"""The faces of one picture: as a table, and drawn."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from faceray.corpus.decode import Limits, decode
from faceray.corpus.fetch import fetch
from faceray.corpus.loading import LOADED
from faceray.corpus.status import ImageError, Status
from faceray.errors import UserError
from faceray.inference.detection import Detect
from faceray.inference.recognition import Recognise
from faceray.models.zoo import load_models
from faceray.options import checkpoint_folders
from faceray.results.draw import draw_faces
from faceray.storage import Folder
from faceray.vision.mtcnn import MtcnnOptions


@dataclass(frozen=True)
class ShowOptions:
    """Print the faces of one picture, and draw them.

    Args:
        photo: any fsspec address.
        output: where the drawn picture goes; `PHOTO.faces.jpg` in the current folder if not given.
        embedding: identity network.
        attributes: as for annotate.
        detector: what counts as a face.
        limits: what is refused before it is decoded.
    """

    photo: str
    output: str | None = None
    embedding: str = "sface"
    attributes: str = "default"
    detector: MtcnnOptions = field(default_factory=MtcnnOptions)
    limits: Limits = field(default_factory=Limits)


def show(options: ShowOptions) -> tuple[list[dict[str, Any]], str]:
    """Rows as of the faces table (without ids), and the address of the drawn picture.

    Raises:
        UserError: the picture cannot be read, or the drawing not be written.
    """
    try:
        data = fetch(options.photo, options.limits)
        picture = decode(data, options.photo, options.limits)
    except ImageError as error:
        raise UserError(f"{options.photo}: {error.status}: {error}") from error
    faces = find_faces(picture.pixels, options.detector, options.embedding, options.attributes)
    drawn = cv2.imencode(".jpg", draw_faces(picture.pixels, faces)[:, :, ::-1])[1].tobytes()
    target = options.output or f"{PurePosixPath(options.photo).stem}.faces.jpg"
    folder, _, name = target.rpartition("/")
    Folder.at(folder or ("/" if target.startswith("/") else ".")).write(name, drawn)
    return faces, target


def find_faces(rgb: np.ndarray, detector: MtcnnOptions, embedding: str, attributes: str) -> list[dict[str, Any]]:
    """The stages of the pipeline on one picture, in this process.

    Args:
        rgb: uint8 (height, width, 3).
    """
    checkpoints = checkpoint_folders(attributes)
    crops = load_models(detector, embedding, checkpoints, "fp32").crops
    height, width, _ = rgb.shape
    row = {"image_id": 0, "uri": "", "version": "", "status": Status.OK, "width": width, "height": height}
    table = pa.Table.from_pylist([{**row, "pixels": rgb.tobytes()}], schema=LOADED)
    (result,) = Recognise(embedding, checkpoints, crops)(Detect(detector, crops)(table)).to_pylist()
    if result["status"] != Status.OK:
        raise UserError(result["error"])
    faces: list[dict[str, Any]] = result["faces"]
    return faces
