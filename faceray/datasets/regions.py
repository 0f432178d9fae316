"""The stage that cuts regions around faces and elsewhere: what All-in-One and HyperFace learn to tell apart."""

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from faceray.corpus.status import Status
from faceray.datasets.pack import LABELS
from faceray.datasets.picking import PICKED, picked
from faceray.errors import UserError
from faceray.vision.align import Crop, Pixels
from faceray.vision.overlap import OverlapRules, assign

OTHERS = pa.field("others", pa.list_(pa.float32()))  # boxes of the other faces in the image, one after the other
_POSE = ("yaw", "pitch", "roll")
_KEPT = ("subject", "part", "box", "points")  # that are no labels
_NO_POINTS = np.full((5, 2), np.nan)


@dataclass(frozen=True)
class Regions:
    """Which regions `regions` draws for each sample, and what they teach.

    Args:
        near: regions around its face; the first is the set's box itself.
        far: regions anywhere in the image.
        shift: greatest shift of a near region, in widths and heights of the box.
        scale: a near region is at most this many times larger or smaller than the box; far ones range from `least` to
            the image's shorter side.
        aspect: width and height differ at most by this factor, beside the box's own.
        least: smallest side in pixels.
        seed: another seed draws other regions.
        rules: what a region teaches by its overlap with the faces.
    """

    near: int = 12
    far: int = 12
    shift: float = 0.35
    scale: float = 1.4
    aspect: float = 1.25
    least: int = 24
    seed: int = 0
    rules: OverlapRules = field(default_factory=OverlapRules)

    def __post_init__(self) -> None:
        if not (self.near >= 0 and self.far >= 0 and self.near + self.far > 0 and self.least > 0):
            raise UserError("regions: near and far must not be negative, nor both 0; least must be positive")
        if not (self.shift >= 0 and self.scale >= 1 and self.aspect >= 1):
            raise UserError("regions: shift must not be negative, scale and aspect at least 1")


class CutRegions:
    """Rows of LOADED with labels and OTHERS become rows of PICKED, one for each region, stretched over the picture.

    Face regions have the sample's labels; its keypoints and angles as the rules say. Regions elsewhere are negative
    examples: `is_face` is false and every other label null. Those in between teach keypoints alone, or nothing and
    are dropped. The same sample gives the same regions in every run.

    Args:
        crop: of kind `margin`.
    """

    def __init__(self, crop: Crop, regions: Regions) -> None:
        self.crop, self.regions = crop, regions

    def __call__(self, batch: pa.Table) -> pa.Table:
        cv2.setNumThreads(1)
        cut = []
        for row, pixels in zip(batch.drop_columns("pixels").to_pylist(), batch["pixels"], strict=True):
            if row["status"] != Status.OK:
                cut.append(picked(row, dropped=row["status"]))
            elif row["is_face"] and not row["box"]:
                cut.append(picked(row, dropped="the set has no box"))
            else:
                rgb = np.frombuffer(pixels.as_buffer(), np.uint8).reshape(row["height"], row["width"], 3)
                cut += self._regions(row, rgb)
        return pa.Table.from_pylist(cut, schema=PICKED)

    def _regions(self, row: dict[str, Any], rgb: Pixels) -> list[dict[str, Any]]:
        own = np.reshape(row["box"] if row["is_face"] else [], (-1, 4)).astype(np.float64)
        faces = np.concatenate([own, np.reshape(row["others"] or [], (-1, 4))])
        regions = draw(own, row["width"], row["height"], self.regions, row["image_id"])
        found = assign(torch.from_numpy(regions), torch.from_numpy(faces), self.regions.rules)
        cut = []
        for number, region in enumerate(regions):
            overlap, is_face = float(found.overlap[number]), float(found.is_face[number])
            labels = _labels(row, is_face, bool(found.landmarks[number]), bool(found.pose[number]))
            if (region[2:] - region[:2]).min() < self.regions.least:
                cut.append(picked(row, dropped=f"region smaller than {self.regions.least} pixels"))
            elif overlap >= self.regions.rules.negative and found.face[number] >= len(own):
                cut.append(picked(row, dropped="region of another face in the image"))
            elif labels is None:
                cut.append(picked(row, dropped="region partly on the face"))
            else:
                matrix = self.crop.matrix(row["width"], row["height"], region, _NO_POINTS)
                sample = picked(row | labels, self.crop.cut(rgb, region, _NO_POINTS), matrix)
                named = {"sample_id": _region_id(row["image_id"], number), "region": region.tolist()}
                cut.append(sample | named | {"overlap": overlap})
        return cut


def draw(face: NDArray[np.float64], width: int, height: int, options: Regions, number: int) -> NDArray[np.float64]:
    """Seeded regions of an image, (n, 4) whole pixels within it.

    Args:
        face: (1, 4), or (0, 4) for an image without one. number: of the sample, part of the seed.
    """
    random = np.random.default_rng([options.seed, number % 2**64])
    near, far = options.near * len(face), options.far
    shape = np.exp(random.uniform(-1, 1, (near + far, 1)) * math.log(options.aspect) / 2 * [1, -1])
    size, centre = np.empty((near + far, 2)), np.empty((near + far, 2))
    for box in face:
        scale = options.scale ** random.uniform(-1, 1, (near, 1))
        shift = random.uniform(-options.shift, options.shift, (near, 2))
        scale[:1], shift[:1], shape[:1] = 1, 0, 1
        size[:near] = (box[2:] - box[:2]) * scale * shape[:near]
        centre[:near] = (box[:2] + box[2:]) / 2 + (box[2:] - box[:2]) * shift
    smallest = options.least * math.sqrt(options.aspect)
    size[near:] = smallest * max(min(width, height) / smallest, 1) ** random.uniform(0, 1, (far, 1)) * shape[near:]
    centre[near:] = size[near:] / 2 + random.uniform(0, 1, (far, 2)) * ([width, height] - size[near:])
    corners = np.concatenate([centre - size / 2, centre + size / 2], 1)
    regions: NDArray[np.float64] = np.clip(np.rint(corners), 0, [width, height] * 2)
    return regions


def _labels(row: dict[str, Any], is_face: float, points: bool, pose: bool) -> dict[str, Any] | None:
    """The labels that a region keeps; None where it teaches nothing."""
    keypoints = row["keypoints"] if points else None
    if math.isnan(is_face) and keypoints is None:
        return None
    if is_face == 1:
        return {"keypoints": keypoints} | ({} if pose else dict.fromkeys(_POSE))
    nothing = dict.fromkeys(name for name in LABELS.names if name not in _KEPT)
    return nothing | {"is_face": None if math.isnan(is_face) else False, "keypoints": keypoints}


def _region_id(sample_id: int, number: int) -> int:
    digest = hashlib.blake2b(f"{sample_id} region {number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
