"""FAISS on a GPU, where this machine has one and the installed faiss was built for it."""

import faiss
import numpy as np
from numpy.typing import NDArray

from faceray.gallery.index import BLOCK, Index

MOST_K = 2048  # of FAISS's kernels
_SHARE = 0.8  # of the free memory; the rest is for probes and results


class GpuVectors:
    """All vectors of an index in fp16 on the GPU, compared by brute force: exact, whatever the index is."""

    def __init__(self, index: Index) -> None:
        self._resources = faiss.StandardGpuResources()
        config = faiss.GpuIndexFlatConfig()
        config.useFloat16 = True
        self._flat = faiss.GpuIndexFlatIP(self._resources, index.dimension, config)
        for start in range(0, index.faces, BLOCK):
            self._flat.add(index.block(start, min(BLOCK, index.faces - start)))

    def search(self, probes: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """As faceray.gallery.index.Index.search."""
        scores, rows = self._flat.search(np.ascontiguousarray(probes, np.float32), k)
        return scores, rows


def on_gpu(index: Index) -> GpuVectors | None:
    """The index's vectors on the GPU; None where there is no GPU for FAISS, or they do not fit."""
    if not faiss.get_num_gpus():
        return None
    import torch  # takes seconds

    free, _ = torch.cuda.mem_get_info()
    return GpuVectors(index) if 2 * index.faces * index.dimension < _SHARE * free else None
