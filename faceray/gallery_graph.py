"""Building the shards of a gallery on a Ray cluster: train once, then every shard by itself."""

from typing import Any

import ray

from faceray.cluster import cluster, user_errors
from faceray.gallery.building import Builder
from faceray.gallery.card import File, ShardCard
from faceray.gallery_options import GalleryOptions
from faceray.progress import say


def build_shards(
    builder: Builder, sizes: list[int], train_faces: int, trained: File | None, options: GalleryOptions
) -> tuple[File | None, list[ShardCard]]:
    """Train, unless there is a trained index, and build the shards, several at a time. Ray repeats what a lost machine
    had begun; the files are the same.

    Raises:
        UserError: there is no cluster, or a shard cannot be built.
    """
    with cluster(options.address):
        cpus = int(ray.cluster_resources().get("CPU", 1))
        builder.threads = options.threads or min(4, cpus)
        task = ray.remote(num_cpus=builder.threads)
        shared = ray.put(builder)
        if trained is None:
            trained = _result(task(_train).remote(shared, sizes, train_faces))
        most = options.workers or max(1, cpus // builder.threads)
        waiting: dict[Any, int] = {}
        built: dict[int, ShardCard | None] = {}
        for number in range(len(sizes)):
            if len(waiting) >= most:
                _collect(waiting, built, len(sizes))
            waiting[task(_build).remote(shared, number, trained)] = number
        while waiting:
            _collect(waiting, built, len(sizes))
    return trained, [shard for _, shard in sorted(built.items()) if shard]


def _collect(waiting: dict[Any, int], built: dict[int, ShardCard | None], count: int) -> None:
    (ready,), _ = ray.wait(list(waiting), num_returns=1)
    built[waiting.pop(ready)] = _result(ready)
    say(f"{len(built)} of {count} shards built")


def _result(reference: Any) -> Any:
    with user_errors():
        return ray.get(reference)


def _train(builder: Builder, sizes: list[int], wanted: int) -> File | None:
    return builder.train(sizes, wanted)


def _build(builder: Builder, number: int, trained: File | None) -> ShardCard | None:
    return builder.build(number, trained)
