"""A FAISS index: made from its key, trained, filled, searched, written and read.

A key is what faiss.index_factory takes. Vectors have unit length, so that the inner product is the cosine similarity.
"""

from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from faceray.errors import UserError

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

# From so many probes on, matrix products beat one pass over the vectors for each probe. FAISS itself would compare
# probes x dimension with a much larger number, and leave the matrix product out for hundreds of probes.
_MATRIX_PROBES = 16
BLOCK = 16_384  # vectors that are decoded at a time

faiss.cvar.distance_compute_blas_threshold = _MATRIX_PROBES


class Index:
    """One FAISS index in memory, or mapped into it from a file."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self._ivf = faiss.try_extract_index_ivf(index)
        self.dimension, self.lists = int(index.d), int(self._ivf.nlist) if self._ivf else 0
        self.reranks = isinstance(index, faiss.IndexRefine)

    @classmethod
    def make(cls, key: str, dimension: int) -> "Index":
        """An empty index.

        Raises:
            UserError: FAISS does not know the key, or it does not suit the dimension or the metric.
        """
        try:
            return cls(faiss.index_factory(dimension, key, faiss.METRIC_INNER_PRODUCT))
        except RuntimeError as error:
            raise UserError(f"--key {key}: FAISS cannot make it for embeddings of length {dimension}") from error

    @classmethod
    def read(cls, path: Path, mapped: bool = True) -> "Index":
        """Read a file that is known to be ours.

        Args:
            mapped: leave the vectors in the file, for the operating system to read when they are needed; then nothing
                can be added.

        Raises:
            UserError: it is not an index, or of another metric.
        """
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
        except RuntimeError as error:
            raise UserError(f"{path} cannot be read as a FAISS index") from error
        if index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise UserError(f"{path} does not compare by inner product")
        return cls(index)

    @property
    def native(self) -> Any:
        """What FAISS made."""
        return self._index

    def write(self, file: Any) -> None:
        """Write it to something with `write(bytes)`."""
        faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]  # not in its stubs

    @property
    def faces(self) -> int:
        """Vectors in it."""
        return int(self._index.ntotal)

    @property
    def is_trained(self) -> bool:
        """Whether vectors can be added."""
        return bool(self._index.is_trained)

    def check_sample(self, faces: int) -> None:
        """Raises:
        UserError: so few faces cannot train it.
        """
        if faces < self.lists:
            raise UserError(f"{faces:,} faces are too few to train such an index: use --key Flat")

    def train(self, sample: Floats) -> None:
        """Learn centroids and codes from a sample: float32 (n, dimension).

        Raises:
            UserError: it is too small.
        """
        if self._ivf and faiss.get_num_gpus():
            self._ivf.clustering_index = faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(self.dimension))
        try:
            self._index.train(np.ascontiguousarray(sample))
        except RuntimeError as error:
            raise UserError(f"{len(sample):,} faces are too few to train such an index: use --key Flat") from error

    def add(self, vectors: Floats) -> None:
        """Append float32 (n, dimension)."""
        self._index.add(np.ascontiguousarray(vectors))

    def search(self, probes: Floats, k: int, lists: int = 0, candidates: int = 0) -> tuple[Floats, Rows]:
        """The k nearest of each probe.

        Args:
            probes: float32 (n, dimension).
            lists: how many to visit, where the index has lists.
            candidates: at least so many are compared exactly, where the index compares its codes first.

        Returns:
            scores (n, k) descending, rows (n, k); rows are -1 where nothing was found.
        """
        probes, most = np.ascontiguousarray(probes, np.float32), max(1, min(k, self.faces))
        if self._ivf:
            self._ivf.nprobe = max(1, min(lists, self.lists))
        if self.reranks:
            self._index.k_factor = max(1, min(max(candidates, 4 * most), self.faces) / most)
        if isinstance(self._index, faiss.IndexScalarQuantizer) and len(probes) >= _MATRIX_PROBES:
            return self.search_exactly(probes, most)
        scores, rows = self._index.search(probes, most)
        return scores, rows

    def search_exactly(self, probes: Floats, k: int) -> tuple[Floats, Rows]:
        """Compare every vector, as it is stored, with matrix products."""
        heap = faiss.ResultHeap(len(probes), k, keep_max=True)
        for start in range(0, self.faces, BLOCK):
            block = self.block(start, min(BLOCK, self.faces - start))
            scores, rows = faiss.knn(probes, block, min(k, len(block)), faiss.METRIC_INNER_PRODUCT)
            heap.add_result(scores, rows + start)
        heap.finalize()
        return heap.D, heap.I

    def block(self, start: int, count: int) -> Floats:
        """Consecutive vectors, as they are stored: float32 (count, dimension)."""
        vectors: Floats = self._index.reconstruct_n(start, count)
        return vectors

    def vectors(self, rows: Rows) -> Floats:
        """Vectors as they are stored: float32 (m, dimension)."""
        vectors: Floats = self._index.reconstruct_batch(np.ascontiguousarray(rows, np.int64))
        return vectors


def unit(vectors: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """float32 (n, d) at unit length, and which of them have a direction: those without become zeros."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        usable = np.isfinite(lengths) & (lengths > 0)
        return np.where(usable, vectors / lengths, 0).astype(np.float32), usable[:, 0]
