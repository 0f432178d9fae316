"""The MTCNN cascade (Zhang et al. 2016) over a batch of images of any sizes.

Boxes, scores and landmarks are those of facenet-pytorch's `detect`, at several times its speed: pyramid and crops come
from summed-area tables, images of one size share the proposal network, and the crops of all images share the others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from faceray.vision.boxes import nms, nms_by_smaller_area, pixel_rectangles, regress, square
from faceray.vision.integral import Integral

Network = Callable[[Tensor], tuple[Tensor, ...]]
_CELL, _STRIDE = 12, 2  # pixels that the proposal network looks at, and moves by
_CHUNK = 512  # crops in one call of a network
_LEVELS = 1000  # more than any pyramid has
_BATCH_PIXELS = 4_000_000  # of equal-sized images that share one call of the proposal network


@dataclass(frozen=True)
class MtcnnOptions:
    """What the detector looks for.

    Args:
        min_face_size: side in pixels of the smallest face to be found; 40 takes a third of the time of 20.
        thresholds: least face probability after each of the three networks, 0 to 1.
        factor: each level of the image pyramid is this much smaller than the one before.
    """

    min_face_size: int = 20
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7)
    factor: float = 0.709

    def __post_init__(self) -> None:
        if self.min_face_size < _CELL:
            raise ValueError(f"min_face_size must be at least {_CELL}, not {self.min_face_size}")
        if not all(0 <= t <= 1 for t in self.thresholds):
            raise ValueError(f"thresholds must be within 0 and 1, not {self.thresholds}")
        if not 0.1 <= self.factor <= 0.95:
            raise ValueError(f"factor must be within 0.1 and 0.95, not {self.factor}")


@dataclass(frozen=True)
class Detections:
    """The faces of one image, largest box first.

    Attributes:
        boxes: float32 (n, 4), x1, y1, x2, y2 in pixels; may reach over the image's edges.
        scores: float32 (n,), 0 to 1.
        landmarks: float32 (n, 5, 2), x, y of left eye, right eye, nose, left and right mouth corner as seen.
    """

    boxes: np.ndarray
    scores: np.ndarray
    landmarks: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass
class _Candidates:
    """Boxes on their way through the cascade: tensors of equal length."""

    image: Tensor  # int64, index into the batch
    boxes: Tensor
    scores: Tensor

    def __getitem__(self, index: Tensor) -> "_Candidates":
        return _Candidates(self.image[index], self.boxes[index], self.scores[index])


class Mtcnn:
    """The cascade: `Mtcnn(pnet, rnet, onet, options)(images)`.

    Args:
        pnet, rnet, onet: functions of float32 (n, 3, h, w) batches on `device`, as in faceray.models.mtcnn.
    """

    def __init__(
        self, pnet: Network, rnet: Network, onet: Network, options: MtcnnOptions, device: str = "cpu"
    ) -> None:
        self.pnet, self.rnet, self.onet = pnet, rnet, onet
        self.options = options
        self.device = device

    def __call__(self, images: list[np.ndarray]) -> list[Detections]:
        """Find the faces of uint8 RGB images (height, width, 3), one result for each."""
        batch = _Batch(images, self.device)
        with torch.inference_mode():
            found = self._propose(batch)
            found = self._refine(batch, found)
            found, landmarks = self._finish(batch, found)
        return _by_image(found, landmarks, len(images))

    def _propose(self, batch: "_Batch") -> _Candidates:
        """First stage: the proposal network over every level of every image's pyramid."""
        parts: list[tuple[Tensor, ...]] = []
        for members, integral in batch.integrals:
            for level, scale in enumerate(self._scales(integral.height, integral.width)):
                pixels = integral.resize(int(integral.height * scale + 1), int(integral.width * scale + 1))
                scores, offsets = self.pnet(_normalise(pixels))
                where = (scores >= self.options.thresholds[0]).nonzero()
                index, y, x = where.unbind(1)
                cell = _STRIDE * where[:, 1:].flip(1).float()
                divisor = torch.full((), scale, device=self.device)  # CUDA multiplies by 1 / scale if that is a number
                boxes = torch.cat([((cell + 1) / divisor).floor(), ((cell + _CELL) / divisor).floor()], 1)
                parts.append(
                    (
                        members[index],
                        boxes,
                        scores[index, y, x],
                        offsets[index, :, y, x],
                        torch.full_like(index, level),
                    )
                )
        if not parts:
            return batch.nothing()
        image, boxes, scores, offsets, levels = (torch.cat(p) for p in zip(*parts, strict=True))
        first = nms(boxes, scores, image * _LEVELS + levels, 0.5)
        keep = first[nms(boxes[first], scores[first], image[first], 0.7)]
        return _Candidates(image[keep], square(regress(boxes[keep], offsets[keep], inclusive=0)), scores[keep])

    def _refine(self, batch: "_Batch", found: _Candidates) -> _Candidates:
        """Second stage: crops of 24 pixels."""
        found, (scores, offsets) = self._run(self.rnet, batch, found, 24, outputs=(4,))
        keep = scores > self.options.thresholds[1]
        found, offsets = _Candidates(found.image, found.boxes, scores)[keep], offsets[keep]
        pick = nms(found.boxes, found.scores, found.image, 0.7)
        found = found[pick]
        return _Candidates(found.image, square(regress(found.boxes, offsets[pick])), found.scores)

    def _finish(self, batch: "_Batch", found: _Candidates) -> tuple[_Candidates, Tensor]:
        """Third stage: crops of 48 pixels, and the landmarks (n, 5, 2)."""
        found, (scores, offsets, points) = self._run(self.onet, batch, found, 48, outputs=(4, 10))
        keep = scores > self.options.thresholds[2]
        found, offsets, points = _Candidates(found.image, found.boxes, scores)[keep], offsets[keep], points[keep]
        size = found.boxes[:, 2:] - found.boxes[:, :2] + 1
        landmarks = points.view(-1, 2, 5).transpose(1, 2) * size[:, None] + found.boxes[:, None, :2] - 1
        return _Candidates(found.image, regress(found.boxes, offsets), found.scores), landmarks

    def _run(
        self, network: Network, batch: "_Batch", found: _Candidates, size: int, outputs: tuple[int, ...]
    ) -> tuple[_Candidates, tuple[Tensor, ...]]:
        """The candidates that have pixels inside their image, and the network's outputs for their crops."""
        rectangles = pixel_rectangles(found.boxes, batch.width[found.image], batch.height[found.image])
        inside = (rectangles[:, 2:] > rectangles[:, :2]).all(1)
        found, rectangles = found[inside], rectangles[inside]
        results = []
        for start in range(0, len(rectangles), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            crops = batch.crops(found.image[chunk], rectangles[chunk], size)
            results.append(network(_normalise(crops)))
        if not results:
            return found, (found.scores, *(found.boxes.new_zeros(0, n) for n in outputs))
        return found, tuple(torch.cat(r) for r in zip(*results, strict=True))

    def _scales(self, height: int, width: int) -> list[float]:
        scale = _CELL / self.options.min_face_size
        side = min(height, width) * scale
        scales = []
        while side >= _CELL:
            scales.append(scale)
            scale *= self.options.factor
            side *= self.options.factor
        return scales


class _Batch:
    """Summed-area tables of the images, those of equal size together."""

    def __init__(self, images: list[np.ndarray], device: str) -> None:
        self.height, self.width = (torch.tensor([i.shape[d] for i in images], device=device) for d in (0, 1))
        self.integrals = [
            (torch.tensor(members, device=device), Integral([images[i] for i in members], device))
            for members in _equal_sizes(images)
        ]
        self.owner = torch.zeros(len(images), dtype=torch.int64, device=device)  # which table an image is in,
        self.place = torch.zeros_like(self.owner)  # and where in it
        for number, (members, _) in enumerate(self.integrals):
            self.owner[members] = number
            self.place[members] = torch.arange(len(members), device=device)

    def nothing(self) -> _Candidates:
        none = torch.zeros(0, device=self.owner.device)
        return _Candidates(none.long(), none.view(0, 4), none)

    def crops(self, image: Tensor, rectangles: Tensor, size: int) -> Tensor:
        out = torch.empty(len(image), 3, size, size, device=image.device)
        owner = self.owner[image]
        for number in sorted(set(owner.tolist())):
            mine = (owner == number).nonzero().view(-1)
            out[mine] = self.integrals[number][1].crops(self.place[image[mine]], rectangles[mine], size, size)
        return out


def _equal_sizes(images: list[np.ndarray]) -> Iterator[list[int]]:
    """Indices of images that can share one table, not too many pixels together."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        groups.setdefault(image.shape, []).append(index)
    for (height, width, *_), members in groups.items():
        step = max(1, _BATCH_PIXELS // (height * width))
        yield from (members[i : i + step] for i in range(0, len(members), step))


def _normalise(pixels: Tensor) -> Tensor:
    return pixels.sub_(127.5).mul_(0.0078125)


def _by_image(found: _Candidates, landmarks: Tensor, images: int) -> list[Detections]:
    results = []
    for index in range(images):
        mine = (found.image == index).nonzero().view(-1)
        mine = mine[nms_by_smaller_area(found.boxes[mine], found.scores[mine], 0.7)]
        size = found.boxes[mine, 2:] - found.boxes[mine, :2]
        mine = mine[size.prod(1).argsort(descending=True, stable=True)]
        results.append(Detections(*(t[mine].cpu().numpy() for t in (found.boxes, found.scores, landmarks))))
    return results
