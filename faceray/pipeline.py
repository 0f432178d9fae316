"""The graph of annotate: plan → fetch + decode → detect + align → attributes + embedding → parts."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import ray.data
from ray.data import ActorPoolStrategy, Dataset, TaskPoolStrategy

from faceray.cluster import Pools
from faceray.corpus.loading import Load
from faceray.corpus.plan import Plan
from faceray.inference.detection import Detect
from faceray.inference.recognition import Recognise
from faceray.models.zoo import Models
from faceray.options import AnnotateOptions
from faceray.results.parts import WriteParts
from faceray.storage import Folder

_BLOCKS = 10_000  # that the driver holds at most, however many pieces there are


def annotate(
    plan: Plan,
    plan_folder: Folder,
    output: Folder,
    run_id: str,
    models: Models,
    options: AnnotateOptions,
    pools: Pools,
) -> Iterator[dict[str, Any]]:
    """Run the plan. Gives a row of faceray.results.parts.REPORT for each batch of images that has been written."""
    crops, detector, limits = models.crops, options.detector, options.limits
    arrow = {"batch_format": "pyarrow", "zero_copy_batch": True}
    dataset = (
        _pieces(plan)
        .map_batches(
            Load(plan_folder, limits, options.workers.fetch_threads),
            batch_size=1,
            compute=TaskPoolStrategy(size=pools.load),
            num_cpus=pools.task_cpus,
            **arrow,
        )
        .map_batches(
            Detect,
            fn_constructor_args=(detector, crops, pools.device),
            batch_size=options.workers.detect_batch,
            compute=ActorPoolStrategy(size=pools.detect),
            num_cpus=pools.detect_cpus,
            num_gpus=pools.detect_gpus,
            **arrow,
        )
        .map_batches(
            Recognise,
            fn_constructor_args=(options.embedding, options.checkpoints, crops, pools.device, options.precision),
            batch_size=4 * options.workers.detect_batch,
            compute=ActorPoolStrategy(size=pools.recognise),
            num_cpus=pools.recognise_cpus,
            num_gpus=pools.recognise_gpus,
            **arrow,
        )
        .map_batches(
            WriteParts(output, run_id, models.fingerprint),
            batch_size=images_per_part(plan.planned),
            compute=TaskPoolStrategy(size=pools.load),
            num_cpus=pools.task_cpus,
            **arrow,
        )
    )
    for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        yield from batch.to_pylist()


def _pieces(plan: Plan) -> Dataset:
    """Rows of (file, group), spread over blocks: Ray starts one task for each block."""
    rows = [(file, group) for file, groups in enumerate(plan.pieces) for group in range(groups)]
    step = -(-len(rows) // _BLOCKS)
    blocks = (rows[i : i + step] for i in range(0, len(rows), step))
    return ray.data.from_arrow([pa.table(list(zip(*b, strict=True)), names=["file", "group"]) for b in blocks])


def images_per_part(planned: int) -> int:
    """Small files early in a small run, so that results appear soon; larger ones where there are many."""
    return max(32, min(4096, planned // 256))
