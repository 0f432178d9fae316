"""Searching a gallery on a Ray cluster: actors keep some shards each, every probe visits all of them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import faiss
import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

from faceray.cluster import cluster, user_errors
from faceray.gallery.merge import merge_top_k
from faceray.gallery.shard import Shard

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Batch = tuple[pa.Table, Floats]
SearchAll = Callable[[Iterable[Batch], int], Iterator[tuple[pa.Table, Floats, Rows]]]


class Searcher:
    """Some shards of a gallery, held by one process."""

    def __init__(self, shards: tuple[Shard, ...], threads: int) -> None:
        self.shards = shards
        faiss.omp_set_num_threads(threads)

    def search(self, probes: Floats, k: int) -> tuple[Floats, Rows]:
        """As faceray.gallery.gallery.Gallery.search, over these shards."""
        return merge_top_k([shard.search(probes, k) for shard in self.shards], k)


@contextmanager
def searching(shards: tuple[Shard, ...], address: str | None) -> Iterator[SearchAll]:
    """Searches as long as the context lasts: batches of probes become their rows, scores and found rows, in order. The
    answers are those of one index with all the vectors.

    Raises:
        UserError: there is no cluster; while searching: a shard is damaged.
    """
    with cluster(address):
        cpus = int(ray.cluster_resources().get("CPU", 1))
        groups = [shards[i :: min(cpus, len(shards))] for i in range(min(cpus, len(shards)))]
        copies = max(1, cpus // len(groups) // 4)  # several threads for each before a second copy of a shard
        threads = max(1, cpus // (len(groups) * copies))
        make = ray.remote(num_cpus=threads, max_restarts=3, max_task_retries=3)(Searcher)
        actors = [[make.remote(group, threads) for group in groups] for _ in range(copies)]
        yield lambda batches, k: _search_all(actors, batches, k)


def _search_all(actors: list[list[Any]], batches: Iterable[Batch], k: int) -> Iterator[tuple[pa.Table, Floats, Rows]]:
    waiting: deque[tuple[pa.Table, list[Any]]] = deque()
    for number, (table, vectors) in enumerate(batches):
        shared = ray.put(vectors)
        waiting.append((table, [a.search.remote(shared, k) for a in actors[number % len(actors)]]))
        if len(waiting) > 2 * len(actors):
            yield _answer(*waiting.popleft(), k)
    while waiting:
        yield _answer(*waiting.popleft(), k)


def _answer(table: pa.Table, references: list[Any], k: int) -> tuple[pa.Table, Floats, Rows]:
    with user_errors():
        scores, rows = merge_top_k(ray.get(references), k)
    return table, scores, rows
