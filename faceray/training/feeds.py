"""Pictures for the loop, in this process."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from faceray.training.pictures import Pictures


def direct(pictures: Pictures, rows: NDArray[np.int64], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of so many rows, in their order: pixels uint8 (b, [crops,] 3, s, s), and whether they are mirrored."""
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        yield tensors(pictures(pa.table({"pack": part[:, 0], "row": part[:, 1]})), pictures)


def tensors(table: pa.Table, pictures: Pictures) -> tuple[Tensor, Tensor]:
    """What `pictures` made, for a network."""
    pixels = np.stack([np.frombuffer(row.as_buffer(), np.uint8) for row in table["pixels"]])
    shape = (len(pixels), pictures.crops, pictures.size, pictures.size, 3)
    faces = torch.from_numpy(pixels).view(shape).permute(0, 1, 4, 2, 3)
    return faces.squeeze(1) if pictures.crops == 1 else faces, torch.tensor(table["mirrored"].to_pylist())
