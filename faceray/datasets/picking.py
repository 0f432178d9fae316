"""Stages of prepare: choose each sample's face, cut it out, and write shards of a pack."""

import hashlib
import math
from collections import Counter
from typing import Any, Literal

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import torch

from faceray.corpus.status import Status
from faceray.datasets.landmarks import moved
from faceray.datasets.pack import LABELS, PACK, SHARDS
from faceray.results.parts import write_part
from faceray.storage import Folder
from faceray.vision.align import IDENTITY, Crop, Floats, Pixels, chained, transform, turn
from faceray.vision.boxes import iou

Faces = Literal["detect", "given", "whole", "regions"]
_SAME_FACE = 0.3  # least IoU of a detection and the set's box: sets draw boxes tighter or wider than MTCNN
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]

PICKED = pa.schema([*PACK, ("dropped", pa.string())])


class Cut:
    """Without a detector: rows of LOADED with labels become rows of PICKED.

    Cut by the set's own box or landmarks (`given`), or the whole image (`whole`).
    """

    def __init__(self, crop: Crop, faces: Faces) -> None:
        self.crop, self.faces = crop, faces

    def __call__(self, batch: pa.Table) -> pa.Table:
        cv2.setNumThreads(1)
        rows = batch.drop_columns("pixels").to_pylist()
        return pa.Table.from_pylist(
            [self._cut(row, pixels) for row, pixels in zip(rows, batch["pixels"], strict=True)], schema=PICKED
        )

    def _cut(self, row: dict[str, Any], pixels: pa.Scalar) -> dict[str, Any]:
        if row["status"] != Status.OK:
            return picked(row, dropped=row["status"])
        rgb = np.frombuffer(pixels.as_buffer(), np.uint8).reshape(row["height"], row["width"], 3)
        box = np.array([0, 0, row["width"], row["height"]], np.float64)
        if self.faces == "given":
            if row["box"] is None and row["points"] is None:
                return picked(row, dropped="the set has neither a box nor five landmarks")
            box = np.array(row["box"], np.float64) if row["box"] else box
        points = np.full((5, 2), np.nan)
        if self.faces == "given" and row["points"]:
            points = np.reshape(row["points"], (5, 2))
        matrix = self.crop.matrix(row["width"], row["height"], box, points)
        if np.isnan(matrix).any():
            return picked(row, dropped="the set's box lies outside the image")
        return picked(row, self.crop.cut(rgb, box, points), matrix)


class Pick:
    """Rows of DETECTED with labels become rows of PICKED: the detection that is the sample's face.

    Where the set has a box, that is the detection with the largest IoU; else the only one; else the one nearest to the
    image's centre, with its size counting for it. Where the picture was enlarged, landmarks go back to the source.

    Args:
        crop: the only crop that the detector was asked for.
        single: drop samples with more than one detection.
    """

    def __init__(self, crop: Crop, single: bool, min_score: float, min_size: float) -> None:
        self.crop, self.single, self.min_score, self.min_size = crop, single, min_score, min_size

    def __call__(self, batch: pa.Table) -> pa.Table:
        return pa.Table.from_pylist([self._pick(row) for row in batch.to_pylist()], schema=PICKED)

    def _pick(self, row: dict[str, Any]) -> dict[str, Any]:
        faces = row["faces"]
        if row["status"] != Status.OK:
            return picked(row, dropped=row["status"])
        if not faces:
            return picked(row, dropped="no face detected")
        if self.single and len(faces) > 1:
            return picked(row, dropped="more than one face detected")
        frame = np.reshape(row["frame"], (2, 3)) if row.get("frame") else IDENTITY
        if row["box"]:
            face = _given_face(faces, transform(np.reshape(row["box"], (2, 2)), frame).ravel())
        else:
            face = _central_face(faces, row["width"], row["height"])
        if face is None:
            return picked(row, dropped="no detection at the set's box")
        if face["score"] < self.min_score:
            return picked(row, dropped=f"score below {self.min_score:g}")
        size = np.array([face["x2"] - face["x1"], face["y2"] - face["y1"]]) / frame.diagonal()
        if size.min() < self.min_size:
            return picked(row, dropped=f"face smaller than {self.min_size:g} pixels")
        shape = (self.crop.count, self.crop.size, self.crop.size, 3)
        pictures = np.frombuffer(face["crops"][0], np.uint8).reshape(shape)
        landmarks = np.reshape(face["landmarks"], (5, 2))
        matrix = self.crop.matrix(row["width"], row["height"], _boxes([face])[0], landmarks)
        landmarks = transform(landmarks, cv2.invertAffineTransform(frame))
        sample = picked(row, pictures, chained(frame, matrix))
        return sample | {"score": face["score"], "landmarks": landmarks.ravel().tolist()}


class WriteShard:
    """Rows of PICKED become a shard, and one row that says what was written and dropped."""

    def __init__(self, pack: Folder) -> None:
        self.pack = pack

    def __call__(self, batch: pa.Table) -> pa.Table:
        dropped = Counter(reason for reason in batch["dropped"].to_pylist() if reason)
        kept = batch.filter(pa.compute.is_null(batch["dropped"])).drop_columns("dropped")
        if kept.num_rows:
            key = "\n".join(map(str, sorted(kept["sample_id"].to_pylist())))
            name = f"shard-{hashlib.sha256(key.encode()).hexdigest()[:32]}.parquet"
            write_part(self.pack / SHARDS, name, kept.sort_by("sample_id"))
        counts = [{"reason": reason, "count": count} for reason, count in dropped.items()]
        return pa.table({"written": [kept.num_rows], "dropped": pa.array([counts], _COUNTS)})


_COUNTS = pa.list_(pa.struct([("reason", pa.string()), ("count", pa.int64())]))


def picked(
    row: dict[str, Any], pictures: Pixels | None = None, matrix: Floats = IDENTITY, dropped: str | None = None
) -> dict[str, Any]:
    """A row of PICKED; `matrix` leads from the source image to the first picture."""
    encoded = [] if pictures is None else [cv2.imencode(".jpg", p[:, :, ::-1], _JPEG)[1].tobytes() for p in pictures]
    labels = {name: row[name] for name in LABELS.names} | {"keypoints": moved(row["keypoints"], matrix)}
    if row["roll"] is not None:
        labels["roll"] = math.remainder(row["roll"] + turn(matrix), 360)
    return {"sample_id": row["image_id"], "image": row["image"], "pictures": encoded, "dropped": dropped, **labels}


def _boxes(faces: list[dict[str, Any]]) -> np.ndarray:
    return np.array([[face[edge] for edge in ("x1", "y1", "x2", "y2")] for face in faces], np.float64)


def _given_face(faces: list[dict[str, Any]], box: np.ndarray) -> dict[str, Any] | None:
    overlap = iou(torch.from_numpy(_boxes(faces)), torch.from_numpy(box[None]))[:, 0].numpy()
    return faces[int(overlap.argmax())] if overlap.max() >= _SAME_FACE else None


def _central_face(faces: list[dict[str, Any]], width: int, height: int) -> dict[str, Any]:
    """Distance from the centre less the face's size, both in pixels."""
    boxes = _boxes(faces)
    distance = np.hypot(*(boxes[:, :2] + boxes[:, 2:] - [width, height]).T) / 2
    size = np.sqrt(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1))
    return faces[int((distance - size).argmin())]
