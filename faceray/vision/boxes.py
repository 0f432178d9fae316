"""Bounding boxes as float32 tensors (n, 4): x1, y1, x2, y2 in pixels."""

import numba
import numpy as np
import torch
from torch import Tensor


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of every pair: (n, 4), (m, 4) → (n, m), 0 to 1."""
    overlap = (torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])).clamp(
        min=0
    )
    area_a, area_b = ((x[:, 2:] - x[:, :2]).clamp(min=0).prod(1) for x in (a, b))
    shared = overlap.prod(2)
    return shared / (area_a[:, None] + area_b[None] - shared).clamp(min=1e-9)


def nms(boxes: Tensor, scores: Tensor, group: Tensor, threshold: float) -> Tensor:
    """Indices that survive non-maximum suppression by IoU within each group: groups in order, by falling score.

    Equal scores stay in the order of the input. Counting is done on the CPU, where a few hundred boxes take no time.
    """
    arrays = [np.ascontiguousarray(t.cpu().numpy()) for t in (boxes, scores, group)]
    order = np.lexsort((-arrays[1], arrays[2]))
    sorted_boxes, alive = arrays[0][order], np.ones(len(order), np.bool_)
    width, height = (sorted_boxes[:, 2:] - sorted_boxes[:, :2]).T
    _suppress(sorted_boxes, width * height, arrays[2][order], threshold, alive)
    return torch.from_numpy(order[alive]).to(boxes.device)


# Compiled at each import, so without expressions of arrays: these take three times as long to compile.
@numba.njit("void(float32[:,::1], float32[::1], int64[::1], float64, bool_[::1])", nogil=True, error_model="numpy")
def _suppress(boxes: np.ndarray, area: np.ndarray, group: np.ndarray, threshold: float, alive: np.ndarray) -> None:
    """Greedy suppression of boxes that are sorted by group and falling score."""
    for i in range(len(boxes)):
        j = i + 1
        while alive[i] and j < len(boxes) and group[j] == group[i]:
            width = min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0])
            height = min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1])
            shared = max(width, np.float32(0)) * max(height, np.float32(0))
            if shared / (area[i] + area[j] - shared) > threshold:
                alive[j] = False
            j += 1


def nms_by_smaller_area(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """As `nms` for one image, the overlap divided by the smaller area: drops a box inside another (MTCNN's last step).

    Widths count pixels inclusively (x2 - x1 + 1), as MTCNN was trained. Equal scores are common here, since boxes with
    the same pixels get the same score: numpy's sort settles them, for the reason that it does so in facenet-pytorch.
    """
    order = torch.from_numpy(np.argsort(scores.cpu().numpy())[::-1].copy()).to(boxes.device)
    area = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1)
    keep: list[int] = []
    while len(order):
        best, rest = order[0], order[1:]
        keep.append(int(best))
        corner = torch.minimum(boxes[best, 2:], boxes[rest, 2:]) - torch.maximum(boxes[best, :2], boxes[rest, :2])
        shared = (corner + 1).clamp(min=0).prod(1)
        order = rest[shared / torch.minimum(area[best], area[rest]) <= threshold]
    return torch.tensor(keep, dtype=torch.int64, device=boxes.device)


def regress(boxes: Tensor, offsets: Tensor, inclusive: int = 1) -> Tensor:
    """Move each edge by an offset given in box widths and heights (`inclusive` pixels are added to these)."""
    size = (boxes[:, 2:] - boxes[:, :2] + inclusive).repeat(1, 2)
    return boxes + offsets * size


def square(boxes: Tensor) -> Tensor:
    """The square of the longer side about the same centre."""
    size = boxes[:, 2:] - boxes[:, :2]
    longer = size.max(1, keepdim=True).values
    corner = boxes[:, :2] + size * 0.5 - longer * 0.5
    return torch.cat([corner, corner + longer], 1)


def pixel_rectangles(boxes: Tensor, width: Tensor, height: Tensor) -> Tensor:
    """The part of each box inside its image as half-open integer rectangles, int64 (n, 4); may be empty (x2 <= x1).

    Box coordinates count from 1 here, as in MTCNN's original code, so x1 and y1 lose one.
    """
    whole = boxes.trunc().long()
    x1, y1 = (whole[:, i].clamp(min=1) - 1 for i in (0, 1))
    return torch.stack([x1, y1, torch.minimum(whole[:, 2], width), torch.minimum(whole[:, 3], height)], 1)
