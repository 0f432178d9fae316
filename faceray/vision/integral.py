"""Area resizing of whole images and of many crops by look-ups in summed-area tables (Crow 1984)."""

import cv2
import numba
import numpy as np
import torch
from torch import Tensor


class Integral:
    """Summed-area tables of a batch of uint8 images of one size.

    The mean of a rectangle costs four look-ups, so resizing costs as much as its output, not as its input. Results
    equal `torch.nn.functional.interpolate(mode="area")` of the float image bit for bit: sums are exact integers (32
    bits that may wrap around, which differences undo), the bins are the same, and so is the order of the divisions
    (an output of one single pixel excepted: torch divides once there).
    """

    def __init__(self, images: list[np.ndarray], device: str = "cpu") -> None:
        """Take RGB images (height, width, 3) of equal size."""
        self.height, self.width = images[0].shape[:2]
        if device == "cpu":
            table = np.empty((len(images), self.height + 1, self.width + 1, 3), np.int32)
            for image, out in zip(images, table, strict=True):
                cv2.integral(image, sum=out, sdepth=cv2.CV_32S)
            self.table = torch.from_numpy(table)
        else:
            sums = torch.from_numpy(np.stack(images)).to(device).cumsum(1, dtype=torch.int32)
            self.table = torch.nn.functional.pad(sums.cumsum(2, dtype=torch.int32), (0, 0, 1, 0, 1, 0))

    def resize(self, height: int, width: int) -> Tensor:
        """All images at another size: float32 (n, 3, height, width), values 0 to 255."""
        image = torch.arange(len(self.table), device=self.table.device)
        whole = torch.tensor([0, 0, self.width, self.height], device=self.table.device).expand(len(image), 4)
        return self.crops(image, whole, height, width)

    def crops(self, image: Tensor, boxes: Tensor, height: int, width: int) -> Tensor:
        """Rectangles at another size: float32 (n, 3, height, width), values 0 to 255.

        Args:
            image: int64 (n,), which image of the batch each rectangle is from.
            boxes: int64 (n, 4), x1, y1, x2, y2 with 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height of the image.
        """
        if self.table.is_cuda:
            return _crops_torch(self.table, image, boxes, height, width)
        out = np.empty((len(image), 3, height, width), np.float32)
        _crops_numba(self.table.numpy().view(np.uint32), image.numpy(), boxes.contiguous().numpy(), out)
        return torch.from_numpy(out)


def _crops_torch(table: Tensor, image: Tensor, boxes: Tensor, height: int, width: int) -> Tensor:
    """The look-ups as gathers, for any device."""
    x1, y1, x2, y2 = boxes[:, :, None].unbind(1)
    top, bottom = _bins(y1, y2, height)
    left, right = _bins(x1, x2, width)
    image = image[:, None, None]

    def corner(y: Tensor, x: Tensor) -> Tensor:
        return table[image, y[:, :, None], x[:, None, :]]

    sums = corner(bottom, right) - corner(top, right) - corner(bottom, left) + corner(top, left)
    mean = sums.float() / (bottom - top).float()[:, :, None, None] / (right - left).float()[:, None, :, None]
    return mean.permute(0, 3, 1, 2).contiguous()


def _bins(start: Tensor, end: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """First and one-past-last input index of each of `size` output bins: those of adaptive average pooling."""
    i = torch.arange(size, device=start.device)
    first = torch.div(i * (end - start), size, rounding_mode="floor")
    last = torch.div((i + 1) * (end - start) + size - 1, size, rounding_mode="floor")
    return start + first, start + last


# Compiled when imported (a second), not cached on disk: a cache is a file of foreign code to whoever shares the disk.
@numba.njit("void(uint32[:,:,:,::1], int64[:], int64[:,::1], float32[:,:,:,::1])", nogil=True)
def _crops_numba(table: np.ndarray, image: np.ndarray, boxes: np.ndarray, out: np.ndarray) -> None:
    """The look-ups as loops: faster than gathers on a CPU."""
    _, _, height, width = out.shape
    left, right = np.empty(width, np.int64), np.empty(width, np.int64)
    for n in range(len(image)):
        sums = table[image[n]]
        x1, y1, x2, y2 = boxes[n]
        for j in range(width):
            left[j] = x1 + (j * (x2 - x1)) // width
            right[j] = x1 + ((j + 1) * (x2 - x1) + width - 1) // width
        for i in range(height):
            top = y1 + (i * (y2 - y1)) // height
            bottom = y1 + ((i + 1) * (y2 - y1) + height - 1) // height
            for j in range(width):
                for c in range(3):
                    total = sums[bottom, right[j], c] - sums[top, right[j], c]
                    total += sums[top, left[j], c] - sums[bottom, left[j], c]
                    mean = np.float32(np.uint32(total)) / np.float32(bottom - top) / np.float32(right[j] - left[j])
                    out[n, c, i, j] = mean
