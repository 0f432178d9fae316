"""The Ray Data graphs.

annotate: plan → fetch + decode → detect + align → attributes + embedding → parts of the tables
prepare:  labelled samples → fetch + decode → detect + align, or cut → shards of a pack
"""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import ray.data
from ray.data import ActorPoolStrategy, Dataset, TaskPoolStrategy

from faceray.cluster import results
from faceray.corpus.loading import Load
from faceray.corpus.plan import Plan
from faceray.datasets.picking import Cut, Pick, WriteShard
from faceray.datasets.regions import CutRegions
from faceray.inference.detection import Detect
from faceray.inference.guard import guarded
from faceray.inference.recognition import Recognise
from faceray.models.zoo import Models
from faceray.options import AnnotateOptions
from faceray.pools import Pool, Pools
from faceray.prepare_options import PrepareOptions
from faceray.results.parts import WriteParts
from faceray.storage import Folder

Stage = Callable[[pa.Table], pa.Table]
Arguments = tuple[Any, ...]
_ARROW = {"batch_format": "pyarrow", "zero_copy_batch": True}
_BLOCKS = 10_000  # that the driver holds at most, however many pieces there are


def annotate(
    plan: Plan, folder: Folder, output: Folder, run_id: str, models: Models, options: AnnotateOptions, pools: Pools
) -> Iterator[dict[str, Any]]:
    """Run the plan in `folder`. Gives a row of faceray.results.parts.REPORT for each batch of images written."""
    crops, workers = models.crops, options.workers
    detect = (options.detector, crops, pools.device)
    recognise = (options.embedding, options.checkpoints, crops, pools.device, options.precision)
    dataset = _pieces(plan.pieces)
    load = (folder, options.limits, workers.fetch_threads, options.input_storage or options.storage)
    guard = (run_id, options.picture_seconds)
    dataset = _tasks(dataset, guarded(Load)(load, *guard), 1, pools.tasks)
    dataset = _actors(dataset, guarded(Detect), (detect, *guard), workers.detect_batch, pools.detect)
    dataset = _actors(dataset, guarded(Recognise), (recognise, *guard), 4 * workers.detect_batch, pools.recognise)
    write = WriteParts(output, run_id, models.fingerprint)
    return _rows(_tasks(dataset, write, images_per_part(plan.planned), pools.tasks))


def prepare(
    pieces: list[int], folder: Folder, pack: Folder, run_id: str, options: PrepareOptions, pools: Pools
) -> Iterator[dict[str, Any]]:
    """Make a pack of the labelled samples in `folder`. Gives what each shard has and what was dropped."""
    workers, crop = options.workers, options.crop
    load, guard = (folder, options.limits, workers.fetch_threads), (run_id, options.picture_seconds)
    dataset = _tasks(_pieces(pieces), guarded(Load)(load, *guard), 1, pools.tasks)
    if options.faces == "detect":
        if options.enlarge:
            dataset = _tasks(dataset, options.enlarge, 64, pools.tasks)
        detect = (options.detector, (crop,), pools.device)
        dataset = _actors(dataset, guarded(Detect), (detect, *guard), workers.detect_batch, pools.detect)
        pick = Pick(crop, options.single, options.min_score, options.min_size)
        dataset = _tasks(dataset, pick, 64, pools.tasks)
    elif options.faces == "regions":
        dataset = _tasks(dataset, CutRegions(crop, options.regions), 16, pools.tasks)
    else:
        dataset = _tasks(dataset, Cut(crop, options.faces), 64, pools.tasks)
    return _rows(_tasks(dataset, WriteShard(pack), options.samples_per_shard, pools.tasks))


def _pieces(pieces: list[int]) -> Dataset:
    """Rows of (file, group), spread over blocks: Ray starts one task for each block."""
    rows = [(file, group) for file, groups in enumerate(pieces) for group in range(groups)]
    step = -(-len(rows) // _BLOCKS)
    blocks = (rows[i : i + step] for i in range(0, len(rows), step))
    return ray.data.from_blocks([pa.table(list(zip(*b, strict=True)), names=["file", "group"]) for b in blocks])


def _tasks(dataset: Dataset, stage: Stage, batch_size: int, pool: Pool) -> Dataset:
    """A worker that dies is none of a batch's business: it is tried again, as Ray does with actors."""
    compute = TaskPoolStrategy(size=pool.size)
    return dataset.map_batches(
        stage, batch_size=batch_size, compute=compute, num_cpus=pool.cpus, max_retries=-1, **_ARROW
    )


def _actors(dataset: Dataset, stage: type[Stage], arguments: Arguments, batch_size: int, pool: Pool) -> Dataset:
    return dataset.map_batches(
        stage,
        fn_constructor_args=arguments,
        batch_size=batch_size,
        compute=ActorPoolStrategy(size=pool.size),
        num_cpus=pool.cpus,
        num_gpus=pool.gpus,
        **_ARROW,
    )


def _rows(dataset: Dataset) -> Iterator[dict[str, Any]]:
    for table in results(dataset):
        yield from table.to_pylist()


def images_per_part(planned: int) -> int:
    """Small files early in a small run, so that results appear soon; larger ones where there are many."""
    return max(32, min(4096, planned // 256))
