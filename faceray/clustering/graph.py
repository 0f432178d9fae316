"""The graph of faces that are alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Graph:
    """Undirected, without loops, in compressed rows: the links of face i are those from start[i] to start[i + 1].

    start: int64 (faces + 1,).
    neighbour: int32 (links,), ascending for each face; every link is there from both of its ends.
    similarity: float32 (links,), cosine.
    """

    start: Rows
    neighbour: NDArray[np.int32]
    similarity: Floats

    @property
    def faces(self) -> int:
        """How many, with and without links."""
        return len(self.start) - 1

    @property
    def links(self) -> Rows:
        """How many each face has, (faces,)."""
        return np.diff(self.start)

    @property
    def face(self) -> Rows:
        """The face that each link starts from, (links,)."""
        return np.repeat(np.arange(self.faces), self.links)


def link(faces: int, first: NDArray[np.integer], second: NDArray[np.integer], similarity: Floats) -> Graph:
    """The graph of pairs of faces, named by their rows: either way round, once or twice. Loops are dropped."""
    proper = first != second
    ends = np.stack([first[proper], second[proper]]).astype(np.int32)
    both, values = np.concatenate([ends, ends[::-1]], 1), np.tile(similarity[proper], 2)
    order = np.lexsort((-values, both[1], both[0]))
    both, values = both[:, order], values[order]
    new = np.ones(both.shape[1], bool)
    new[1:] = (both[:, 1:] != both[:, :-1]).any(0)
    start = np.searchsorted(both[0][new], np.arange(faces + 1)).astype(np.int64)
    return Graph(start, both[1][new], values[new])
