"""Faces of photos: found, cut out for the networks, and drawn with what they said."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count
from pathlib import PurePosixPath

import cv2
import numpy as np

from faceray.corpus.listing import chunks
from faceray.inference.rows import Row, each_or_failed
from faceray.models.tasks import Task
from faceray.predicting.said import headline
from faceray.results.draw import draw_faces
from faceray.storage import Folder
from faceray.vision.align import Crop
from faceray.vision.mtcnn import Mtcnn

PHOTOS = 8  # that the detector looks at together
DRAWN = "drawn"


def find_faces(rows: Iterable[Row], detector: Mtcnn, crops: tuple[Crop, ...]) -> Iterator[Row]:
    """Rows of `read_photos` get their faces: box, score, landmarks and crops, largest first."""
    for chunk in chunks(rows, PHOTOS):
        found = iter(each_or_failed(partial(_detect, detector, crops), [row for row in chunk if "pixels" in row]))
        yield from (next(found) if "pixels" in row else row for row in chunk)


def _detect(detector: Mtcnn, crops: tuple[Crop, ...], rows: list[Row]) -> list[Row]:
    described = []
    for row, faces in zip(rows, detector([row["pixels"] for row in rows]), strict=True):
        found = [
            {
                "face_index": index,
                **dict(zip(("x1", "y1", "x2", "y2"), box.tolist(), strict=True)),
                "score": float(score),
                "landmarks": landmarks.ravel().tolist(),
                "crops": {crop: crop.cut(row["pixels"], box, landmarks) for crop in crops},
            }
            for index, (box, score, landmarks) in enumerate(
                zip(faces.boxes, faces.scores, faces.landmarks, strict=True)
            )
        ]
        described.append({**row, "faces": found})
    return described


def draw(rows: Iterable[Row], tasks: tuple[Task, ...], output: Folder) -> Iterator[Row]:
    """Write each photo with its faces and labels to `drawn/NUMBER-NAME.jpg`; rows pass unchanged.

    The number is the photo's place in the list, since photos of several folders may have one name.
    """
    for number, row in zip(count(), rows):
        if "pixels" in row:
            faces = [{**face, "texts": headline(tasks, face["answers"])} for face in row["faces"]]
            bgr = draw_faces(row["pixels"], faces)[:, :, ::-1]
            name = f"{number:06d}-{PurePosixPath(row['image']).stem}.jpg"
            (output / DRAWN).write(name, cv2.imencode(".jpg", np.ascontiguousarray(bgr))[1].tobytes())
        yield row
