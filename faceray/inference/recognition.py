"""The third stage: identity embedding and attributes of detected faces."""

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from faceray.corpus.loading import travelling
from faceray.corpus.status import Status
from faceray.inference.backend import Network, Precision, compile_network, pick_device
from faceray.inference.rows import ATTRIBUTES, DETECTED, RECOGNISED, Row, each_or_failed
from faceray.models.checkpoint import load_checkpoint
from faceray.models.embedder import load_embedder
from faceray.models.tasks import Task, decode
from faceray.vision.align import Crop

REFRESH = "refresh"  # column of a plan: which networks' columns are to be computed; null: all
_CHUNK = 64  # faces in one call of a network


class Recognise:
    """Rows of DETECTED become rows of RECOGNISED; the crops stay behind.

    Args:
        embedding: name of the identity network.
        checkpoints: folders of attribute networks.
        crops: those that the detection stage cut, in its order.
        device: `auto`, `cpu` or `cuda`.
    """

    def __init__(
        self,
        embedding: str,
        checkpoints: tuple[str, ...],
        crops: tuple[Crop, ...],
        device: str = "auto",
        precision: Precision = "fp32",
    ) -> None:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        self.device = pick_device(device)
        self.crops = crops
        self.beat: Callable[[], None] | None = None
        self.embedder = load_embedder(embedding)
        self.parts = [
            (_compiled(part.module, part.crop, self.device, precision), part.crop) for part in self.embedder.parts
        ]
        models = [load_checkpoint(folder) for folder in checkpoints]
        self.attributes: list[tuple[Network, Crop, tuple[Task, ...]]] = [
            (_compiled(model.module, model.crop, self.device, precision), model.crop, model.tasks) for model in models
        ]

    def __call__(self, batch: pa.Table) -> pa.Table:
        return self.work(batch)

    def rows(self, batch: pa.Table) -> pa.Table:
        """They are the batch."""
        return batch

    def lost(self, rows: pa.Table, status: Status, reason: str) -> pa.Table:
        """Rows of RECOGNISED for images that could not be worked on."""
        told = {"status": status, "error": reason, "faces": [], "recognise_seconds": 0.0}
        return _table([{**row, **told} for row in rows.to_pylist()], rows.schema)

    def work(self, batch: pa.Table) -> pa.Table:
        """See the class."""
        start = time.perf_counter()
        rows = each_or_failed(self._recognise, batch.to_pylist()) if batch.num_rows else []
        seconds = (time.perf_counter() - start) / max(1, len(rows))
        return _table([{**row, "recognise_seconds": seconds} for row in rows], batch.schema)

    def _recognise(self, rows: list[Row]) -> list[Row]:
        faces: list[Row] = [dict(face) for row in rows for face in row["faces"]]
        wanted = [row.get(REFRESH) or ("embedding", "attributes") for row in rows for _ in row["faces"]]
        for part, answer in (("embedding", self._embed), ("attributes", self._describe)):
            chosen = [face for face, parts in zip(faces, wanted, strict=True) if part in parts]
            if not chosen:
                continue
            crops = enumerate(self.crops)
            columns = answer({crop: _stack([face["crops"][i] for face in chosen], crop) for i, crop in crops})
            for number, face in enumerate(chosen):
                face.update((name, values[number]) for name, values in columns.items())
        done = iter(faces)
        return [{**row, "faces": [next(done) for _ in row["faces"]]} for row in rows]

    def _embed(self, pictures: dict[Crop, Tensor]) -> dict[str, list[Any]]:
        """An embedding for each face; none where a network gave nothing finite."""
        outputs = [self._run(network, pictures[crop])[0] for network, crop in self.parts]
        finite = [e.tolist() if np.isfinite(e).all() else None for e in self.embedder.combine(outputs)]
        return {"embedding": finite}

    def _describe(self, pictures: dict[Crop, Tensor]) -> dict[str, Any]:
        """Values of all attribute columns; null where no network fills them."""
        count = len(next(iter(pictures.values()))) if pictures else 0
        columns: dict[str, Any] = {name: [None] * count for name in ATTRIBUTES}
        for network, crop, tasks in self.attributes:
            for task, logits in zip(tasks, self._run(network, pictures[crop]), strict=True):
                columns |= decode(task, logits)
        return columns

    def _run(self, network: Network, pictures: Tensor) -> tuple[np.ndarray, ...]:
        starts = range(0, len(pictures), _CHUNK)
        chunks = [network(pictures[i : i + _CHUNK].to(self.device).float()) for i in starts]
        return tuple(torch.cat(outputs).cpu().numpy() for outputs in zip(*chunks, strict=True))


def _table(rows: list[Row], detected: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=travelling(detected, DETECTED, RECOGNISED))


def _compiled(module: torch.nn.Module, crop: Crop, device: str, precision: Precision) -> Network:
    shape = (2, 3, crop.size, crop.size) if crop.count == 1 else (2, crop.count, 3, crop.size, crop.size)
    return compile_network(module, torch.zeros(shape), device, precision)


def _stack(crops: list[bytes], crop: Crop) -> Tensor:
    """uint8 (n, 3, size, size); for crops of several pictures (n, count, 3, size, size)."""
    pixels = np.stack([np.frombuffer(c, np.uint8) for c in crops])
    pictures = torch.from_numpy(pixels).view(-1, crop.count, crop.size, crop.size, 3).permute(0, 1, 4, 2, 3)
    return pictures.squeeze(1) if crop.count == 1 else pictures
