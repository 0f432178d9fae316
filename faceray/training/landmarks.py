"""Landmarks as targets of a network: coordinates relative to a box and back, and the mirror image."""

from collections.abc import Sequence

import torch
from torch import Tensor

from faceray.datasets.landmarks import AFLW_21
from faceray.results.schema import LANDMARKS

AFLW = AFLW_21


def mirror_order(names: Sequence[str]) -> tuple[int, ...]:
    """For each landmark the number of the one that takes its place in the mirror image.

    Raises:
        ValueError: a landmark's counterpart is not among the names.
    """
    swapped = ["_".join({"left": "right", "right": "left"}.get(word, word) for word in n.split("_")) for n in names]
    return tuple(list(names).index(name) for name in swapped)


AFLW_MIRRORED = mirror_order(AFLW)
FIVE_MIRRORED = mirror_order(LANDMARKS)


def normalise(points: Tensor, boxes: Tensor) -> Tensor:
    """Landmarks relative to a region: a = (x - centre x) / width, b = (y - centre y) / height.

    Ranjan et al., "HyperFace", PAMI 2019, eq. 2. What cannot be seen, or lies outside the region, has visibility 0 and
    coordinates 0, as a landmark that is not in the network's picture cannot be asked for.

    Args:
        points: (n, k, 2) pixels; NaN where a landmark cannot be seen. A face without landmark labels: all NaN.
        boxes: (n, 4), x1, y1, x2, y2 in the same pixels.

    Returns:
        (n, k, 3): a, b in [-0.5, 0.5], and visibility 0 or 1. All NaN for a face without landmark labels.
    """
    centre, size = _frame(boxes)
    relative = (points - centre) / size
    labelled = points.isfinite().all(2).any(1)
    visible = (relative.abs() <= 0.5).all(2)  # False for NaN
    target = torch.cat([torch.where(visible[..., None], relative, 0.0), visible[..., None].to(relative)], 2)
    return torch.where(labelled[:, None, None], target, torch.nan)


def denormalise(relative: Tensor, boxes: Tensor) -> Tensor:
    """The inverse: (n, k, 2) relative to the regions (n, 4) -> (n, k, 2) pixels."""
    centre, size = _frame(boxes)
    return relative * size + centre


def mirror(target: Tensor, order: Sequence[int] = AFLW_MIRRORED) -> Tensor:
    """Relative landmarks of the mirrored region: the points change places and sides.

    Args:
        target: (n, k, 2) or, with visibility, (n, k, 3), as `normalise` returns.
        order: for each landmark the number of its counterpart: AFLW_MIRRORED, FIVE_MIRRORED.
    """
    swapped = target[:, list(order)].clone()
    swapped[..., 0] = -swapped[..., 0]
    return swapped


def mirror_pose(angles: Tensor) -> Tensor:
    """(n, 3) roll, pitch, yaw of a head -> those of its mirror image: roll and yaw change sign."""
    return angles * angles.new_tensor([-1.0, 1.0, -1.0])


def _frame(boxes: Tensor) -> tuple[Tensor, Tensor]:
    corner, opposite = boxes[:, None, :2], boxes[:, None, 2:]
    return (corner + opposite) / 2, (opposite - corner).clamp(min=1e-6)
