"""Where the stages of a clustering run: on a Ray cluster where there is much to do, else in this process."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa

_BLOCKS = 10_000  # that the driver holds at most
Stage = Callable[[pa.Table], pa.Table]
Run = Callable[[Sequence[Stage], pa.Table], Iterator[pa.Table]]  # stages, and rows that each are the work of one task


@contextmanager
def workers(address: str | None, much: bool) -> Iterator[Run]:
    """What runs stages over rows, in any order: on the cluster at the address or in RAY_ADDRESS; without these on a
    local one, started here, if there is much to do; else in this process.

    Raises:
        UserError: there is no cluster at the address.
    """
    if not (address or os.environ.get("RAY_ADDRESS") or much):
        yield _here
        return
    from faceray.cluster import cluster  # Ray takes seconds to import

    with cluster(address):
        yield _on_cluster


def _here(stages: Sequence[Stage], rows: pa.Table) -> Iterator[pa.Table]:
    for i in range(rows.num_rows):
        batch = rows.slice(i, 1)
        for stage in stages:
            batch = stage(batch)
        yield batch


def _on_cluster(stages: Sequence[Stage], rows: pa.Table) -> Iterator[pa.Table]:
    """A task for each row: it goes through all stages in one process, so nothing large travels between them."""
    import ray.data

    from faceray.cluster import results

    step = -(-rows.num_rows // _BLOCKS)
    blocks = [rows.slice(i, step) for i in range(0, rows.num_rows, step)]
    dataset = ray.data.from_blocks(blocks).map_batches(
        _Chain(stages), batch_size=1, batch_format="pyarrow", zero_copy_batch=True, num_cpus=1
    )
    yield from results(dataset)


class _Chain:
    """Stages one after the other, with one thread for FAISS: Ray starts a task for each core."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = stages

    def __call__(self, batch: pa.Table) -> pa.Table:
        import faiss

        faiss.omp_set_num_threads(1)
        for stage in self.stages:
            batch = stage(batch)
        return batch
