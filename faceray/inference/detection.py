"""The second stage: faces of decoded images, with pose, quality and the crops that the networks ask for."""

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import torch

from faceray.corpus.loading import LOADED, travelling
from faceray.corpus.status import Status
from faceray.inference.backend import pick_device
from faceray.inference.detector import load_detector
from faceray.inference.rows import DETECTED, Row, each_or_failed
from faceray.vision.align import Crop
from faceray.vision.mtcnn import Detections, MtcnnOptions
from faceray.vision.pose import head_pose
from faceray.vision.quality import face_quality

KNOWN = "known_faces"  # column of a plan: faces that stay as they are
_QUALITY_CROP = Crop("similarity", 112)


class Detect:
    """Rows of LOADED become rows of DETECTED; the pixels stay behind. Faces that are known are not looked for.

    Args:
        crops: what to cut out of each face for the stages to come.
        device: `auto`, `cpu` or `cuda`.
    """

    def __init__(self, options: MtcnnOptions, crops: tuple[Crop, ...], device: str = "auto") -> None:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        self.crops = crops
        self.beat: Callable[[], None] | None = None
        self.detector = load_detector(options, pick_device(device))

    def __call__(self, batch: pa.Table) -> pa.Table:
        return self.work(batch)

    def rows(self, batch: pa.Table) -> pa.Table:
        """They are the batch."""
        return batch

    def lost(self, rows: pa.Table, status: Status, reason: str) -> pa.Table:
        """Rows of DETECTED for images that could not be worked on."""
        told = {"status": status, "error": reason, "faces": [], "detect_seconds": 0.0}
        return _table([{**row, **told} for row in rows.drop_columns("pixels").to_pylist()], rows.schema)

    def work(self, batch: pa.Table) -> pa.Table:
        """See the class."""
        start = time.perf_counter()
        rows: list[Row] = batch.drop_columns("pixels").to_pylist()
        for row, pixels in zip(rows, batch["pixels"], strict=True):
            if row["status"] == Status.OK:
                row["pixels"] = np.frombuffer(pixels.as_buffer(), np.uint8).reshape(row["height"], row["width"], 3)
        usable = iter(each_or_failed(self._detect, [row for row in rows if "pixels" in row]))
        rows = [next(usable) if "pixels" in row else {**row, "faces": []} for row in rows]
        seconds = (time.perf_counter() - start) / max(1, len(rows))
        return _table([{**row, "detect_seconds": seconds} for row in rows], batch.schema)

    def _detect(self, rows: list[Row]) -> list[Row]:
        found = iter(self.detector([row["pixels"] for row in rows if not row.get(KNOWN)]))
        return [
            {
                **row,
                "faces": [with_crops(row["pixels"], face, self.crops) for face in row[KNOWN]]
                if row.get(KNOWN)
                else describe(row["pixels"], next(found), self.crops),
            }
            for row in rows
        ]


def _table(rows: list[Row], loaded: pa.Schema) -> pa.Table:
    given = pa.schema([field for field in loaded if field.name != KNOWN])
    return pa.Table.from_pylist(rows, schema=travelling(given, LOADED, DETECTED))


def with_crops(rgb: np.ndarray, face: Row, crops: tuple[Crop, ...]) -> Row:
    """A face of the faces table with its crops, equal to those that it had when it was detected."""
    box = np.array([face[name] for name in ("x1", "y1", "x2", "y2")], np.float32)
    landmarks = np.array(face["landmarks"], np.float32).reshape(5, 2)
    return {**face, "crops": [crop.cut(rgb, box, landmarks).tobytes() for crop in crops]}


def describe(rgb: np.ndarray, faces: Detections, crops: tuple[Crop, ...]) -> list[dict[str, Any]]:
    """What is known of each face without another network: columns of the faces table, and the crops' bytes.

    Args:
        rgb: uint8 (height, width, 3).
    """
    described = []
    for index, (box, score, landmarks) in enumerate(zip(faces.boxes, faces.scores, faces.landmarks, strict=True)):
        yaw, pitch, roll = head_pose(landmarks).tolist()
        cut = {crop: crop.cut(rgb, box, landmarks) for crop in {*crops, _QUALITY_CROP}}
        eyes = float(np.linalg.norm(landmarks[1] - landmarks[0]))
        quality = face_quality(cut[_QUALITY_CROP][0], eyes, yaw, pitch)
        described.append(
            {
                "face_index": index,
                **dict(zip(("x1", "y1", "x2", "y2"), box.tolist(), strict=True)),
                "score": float(score),
                "landmarks": landmarks.ravel().tolist(),
                "yaw": yaw,
                "pitch": pitch,
                "roll": roll,
                "quality": quality.overall,
                "quality_size": quality.size,
                "quality_sharpness": quality.sharpness,
                "quality_exposure": quality.exposure,
                "quality_frontality": quality.frontality,
                "crops": [cut[crop].tobytes() for crop in crops],
            }
        )
    return described
