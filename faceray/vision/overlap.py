"""What a region of an image teaches of the faces in it, by how much it overlaps them.

Ranjan et al., "HyperFace", PAMI 2019; "An all-in-one convolutional neural network for face analysis", FG 2017.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from faceray.vision.boxes import iou


@dataclass(frozen=True)
class OverlapRules:
    """From which intersection over union with a face a region teaches what.

    A region above `positive` is a face, below `negative` is none, and one between says nothing of it. Landmarks and
    visibility are learnt above `landmarks`; pose, and gender in HyperFace, above `pose`.
    """

    positive: float = 0.5
    negative: float = 0.35
    landmarks: float = 0.35
    pose: float = 0.5


class Assignment(NamedTuple):
    """For n regions: the number of the face each overlaps most, -1 without faces; their IoU; is_face (1, 0 or NaN);
    whether landmarks and visibility, and whether pose count."""

    face: Tensor
    overlap: Tensor
    is_face: Tensor
    landmarks: Tensor
    pose: Tensor


def assign(regions: Tensor, faces: Tensor, rules: OverlapRules | None = None) -> Assignment:
    """What regions (n, 4) of an image with the faces (m, 4) teach; boxes are x1, y1, x2, y2 in pixels."""
    rules = rules or OverlapRules()
    if len(faces):
        overlap, face = iou(regions, faces).max(dim=1)
    else:
        overlap, face = regions.new_zeros(len(regions)), torch.full((len(regions),), -1, device=regions.device)
    between = torch.where(overlap < rules.negative, 0.0, torch.nan)
    is_face = torch.where(overlap > rules.positive, 1.0, between)
    return Assignment(face, overlap, is_face, overlap > rules.landmarks, overlap > rules.pose)
