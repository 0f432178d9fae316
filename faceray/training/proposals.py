"""Regions of All-in-One and HyperFace: better ones from the landmarks that are found in them.

What regions teach is in faceray.vision.overlap.

Ranjan et al., "HyperFace", PAMI 2019; "An all-in-one convolutional neural network for face analysis", FG 2017.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from faceray.training.landmarks import denormalise
from faceray.vision.boxes import iou


class Answers(NamedTuple):
    """What the network says of n regions: score (n,) 0 to 1, landmarks (n, k, 2), visibility (n, k) 0 to 1, and other
    numbers (n, m): angles, probabilities. Landmarks are relative to the region as it answers, and pixels after."""

    scores: Tensor
    landmarks: Tensor
    visibility: Tensor
    others: Tensor

    def take(self, index: Tensor) -> "Answers":
        """Some of the regions, by number or by a mask (n,)."""
        return Answers(*(part[index] for part in self))


def region_from_landmarks(
    points: Tensor, visibility: Tensor, template: Tensor, size: tuple[int, int], padding: float = 0.1
) -> Tensor:
    """The region that a face with these landmarks should have.

    The similarity transform that brings the template nearest to the visible landmarks carries its box along. The
    upright box around that, and around the landmarks with a margin, is cut off at the image's edges.

    Args:
        points: (n, k, 2) pixels. visibility: (n, k), seen above 0.5.
        template: (k, 2), mean landmarks relative to a box, -0.5 to 0.5.
        size: width, height of the image.
        padding: margin around the landmarks, both sides together, as a share of their extent.

    Returns:
        (n, 4) pixels; NaN where fewer than 4 landmarks are seen, or nothing of the region lies in the image.
    """
    seen = visibility > 0.5
    weight = seen.to(points)
    z = torch.view_as_complex(template.to(points).contiguous())
    v = torch.view_as_complex(torch.where(seen[..., None], points, 0.0).contiguous())
    count = weight.sum(1, keepdim=True).clamp(min=1)
    z_mean, v_mean = (weight * z).sum(1, keepdim=True) / count, (weight * v).sum(1, keepdim=True) / count
    spread = (weight * (z - z_mean).abs() ** 2).sum(1, keepdim=True).clamp(min=1e-12)
    a = (weight * (z - z_mean).conj() * (v - v_mean)).sum(1, keepdim=True) / spread
    corners = torch.view_as_real(
        v_mean + a * (z.new_tensor([-0.5 - 0.5j, 0.5 - 0.5j, -0.5 + 0.5j, 0.5 + 0.5j]) - z_mean)
    )
    low, high = _extent(points, seen)
    margin = (high - low) * padding / 2
    first = torch.minimum(corners.amin(1), low - margin).clamp(min=0)
    last = torch.minimum(torch.maximum(corners.amax(1), high + margin), points.new_tensor(size))
    usable = (seen.sum(1) >= 4) & (last > first).all(1)
    return torch.where(usable[:, None], torch.cat([first, last], 1), torch.nan)


def iterate_proposals(
    regions: Tensor,
    look: Callable[[Tensor], Answers],
    template: Tensor,
    size: tuple[int, int],
    rounds: int = 2,
    candidate: float = 0.25,
    score: float = 0.5,
) -> tuple[Tensor, Answers]:
    """Iterative region proposals: look, make regions of the landmarks found, look again.

    Args:
        regions: (n, 4) pixels, n >= 1. look: from regions to the network's answers, landmarks relative to them.
        template, size: as in `region_from_landmarks`.
        rounds: how often regions are replaced. candidate: the score that this takes. score: needed in the end.

    Returns:
        Regions (m, 4) and answers, landmarks in pixels.
    """
    answers = _in_pixels(look(regions), regions)
    for _ in range(rounds):
        found = answers.take(answers.scores > candidate)
        better = region_from_landmarks(found.landmarks, found.visibility, template, size)
        usable = better.isfinite().all(1)
        regions, answers = better[usable], found.take(usable)
        if len(regions):  # networks need not take an empty batch
            answers = _in_pixels(look(regions), regions)
    good = answers.scores > score
    return regions[good], answers.take(good)


def landmark_nms(answers: Answers, overlap: float = 0.2, top: int | None = 5) -> tuple[Answers, Tensor]:
    """Landmark-based non-maximum suppression: one face for each group of regions with the same landmarks.

    The boxes around the visible landmarks are compared. The best region takes those whose box overlaps its own by more
    than `overlap` (IoU); the answer is the median over the `top` best of them.

    Args:
        answers: landmarks in pixels.

    Returns:
        The answers of the faces found, scores being the best of each, falling; and the number of regions in each (m,).
    """
    low, high = _extent(answers.landmarks, answers.visibility > 0.5)
    overlaps = iou(torch.cat([low, high], 1), torch.cat([low, high], 1))
    left = answers.scores.argsort(descending=True, stable=True)
    faces, sizes = [], []
    while len(left):
        same = overlaps[left[0], left] > overlap
        same[0] = True
        group = answers.take(left[same][:top])
        medians = [part.quantile(0.5, dim=0) for part in group[1:]]
        faces.append(Answers(group.scores[0], *medians))
        sizes.append(int(same.sum()))
        left = left[~same]
    if not faces:
        return answers, torch.zeros(0, dtype=torch.int64)
    return Answers(*(torch.stack(parts) for parts in zip(*faces, strict=True))), torch.tensor(sizes)


def _in_pixels(answers: Answers, regions: Tensor) -> Answers:
    return answers._replace(landmarks=denormalise(answers.landmarks, regions))


def _extent(points: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Corners (n, 2), (n, 2) of the box around the landmarks that are seen; 0 where none is."""
    some = seen.any(1)[:, None]
    low = torch.where(seen[..., None], points, torch.inf).amin(1)
    high = torch.where(seen[..., None], points, -torch.inf).amax(1)
    return torch.where(some, low, 0.0), torch.where(some, high, 0.0)
