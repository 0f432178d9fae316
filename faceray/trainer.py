"""Training on Ray: workers by Ray Train, pictures by Ray Data. The loop itself knows nothing of it."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
import ray.data
import ray.train
import torch
from numpy.typing import NDArray
from ray.data import DataContext, TaskPoolStrategy
from ray.exceptions import RayError
from ray.train import Checkpoint, CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from ray.util.queue import Empty, Queue
from torch import Tensor

from faceray.errors import UserError
from faceray.models.checkpoint import load_checkpoint
from faceray.pause import Pause
from faceray.training import world
from faceray.training.feeds import direct, tensors
from faceray.training.loop import Feeder, Loop
from faceray.training.news import News, Prelude
from faceray.training.pictures import Pictures
from faceray.training.session import Job, Tell, make_loop, run
from faceray.training.state import State, save_state

_BLOCK = 1024  # pictures that one task makes
_TASK_CPUS = 0.1  # of a picture-making task; training itself has the rest
WORKER_ENVIRONMENT = {
    # glibc gives each large tensor's memory back when it is freed, and every next step faults it in again, page by
    # page. One arena that keeps what it has spares that (scripts/bench_training.py)
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**62),
    # threads that wait for each other spin, and take the cores from those that they wait for
    "OMP_WAIT_POLICY": "passive",
}


@dataclass(frozen=True)
class Crew:
    """Who trains: processes (0: this one), CPU cores and GPUs of each, tasks that make pictures for each."""

    workers: int
    cpus: int
    gpus: int
    loaders: int


def crew(workers: int, device: str) -> Crew:
    """For the cluster that this process is connected to: one worker for each GPU; without any, one with all cores.

    Raises:
        UserError: GPUs were asked for and the cluster has none, or there are more workers than it can carry.
    """
    resources = ray.cluster_resources()
    cpus, gpus = int(resources.get("CPU", 1)), int(resources.get("GPU", 0)) if device != "cpu" else 0
    if device == "cuda" and not gpus:
        raise UserError("device 'cuda' was asked for, but the Ray cluster has no GPU")
    wanted = 0 if workers < 0 else workers or gpus or 1
    if gpus and wanted > gpus:
        raise UserError(f"{wanted} workers were asked for, but the Ray cluster has {gpus} GPUs")
    return Crew(wanted, max(1, cpus // max(wanted, 1)), int(gpus > 0), max(1, cpus // max(wanted, 1)))


def train(job: Job, crew: Crew, restarts: int, tell: Tell) -> dict[str, float]:
    """Run a training to its end, or go on with the one that its output holds.

    Args:
        restarts: how often a worker may die.

    Returns:
        Figures of the best network on the held-out part.

    Raises:
        UserError: what a worker found wrong with recipe or packs.
    """
    queue = Queue(actor_options={"num_cpus": 0})
    stop = threading.Event()
    listener = threading.Thread(target=_listen, args=(queue, stop, tell), daemon=True)
    listener.start()
    trainer = TorchTrainer(
        _work,
        train_loop_config={"job": job, "crew": crew, "queue": queue},
        scaling_config=ScalingConfig(
            num_workers=crew.workers,
            use_gpu=bool(crew.gpus),
            resources_per_worker={"CPU": 0.5 if crew.workers else 0, "GPU": crew.gpus},
        ),
        run_config=RunConfig(
            name="checkpoints",
            storage_path=job.output,
            failure_config=FailureConfig(max_failures=restarts),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )
    try:
        trainer.fit()
    except ray.train.TrainingFailedError as error:
        raise _user_error(error) from error
    finally:
        stop.set()
        listener.join(timeout=5)
        queue.shutdown(force=True)
    return load_checkpoint(job.output).card.metrics


def _user_error(error: BaseException) -> Exception:
    """What a worker raised as a UserError, or the error itself."""
    causes = [error, *getattr(error, "worker_failures", {}).values()]
    for cause in causes:
        seen: BaseException | None = cause
        while seen is not None:
            if isinstance(seen, UserError):
                return seen
            seen = getattr(seen, "cause", None) or seen.__cause__
    text = str(error)
    if "UserError: " in text:
        return UserError(text.rpartition("UserError: ")[2].strip().splitlines()[0])
    return UserError(f"training failed: {' '.join(text.split())[:2000]}")


def _listen(queue: Queue, stop: threading.Event, tell: Tell) -> None:
    while not stop.is_set():
        try:
            tell(queue.get(timeout=1))
        except Empty:
            continue
        except RayError:  # the queue is gone: the training has ended
            return


def _work(config: dict[str, Any]) -> None:
    """What each worker does."""
    job, crew, queue = config["job"], config["crew"], config["queue"]
    os.environ["RAY_DATA_DISABLE_PROGRESS_BARS"] = "1"
    device = str(ray.train.torch.get_device())
    torch.set_num_threads(crew.cpus)
    tell = _Teller(queue) if world.rank() == 0 else _silent
    loop = make_loop(job, _feeder(crew.loaders), device, tell)
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        run(job, loop, None, _keep)
    else:
        with checkpoint.as_directory() as folder:
            run(job, loop, Path(folder), _keep)


def _keep(state: State, loop: Loop) -> None:
    """Report a round; worker 0 brings the checkpoint."""
    figures = state.history[-1]
    if world.rank() != 0:
        ray.train.report(figures)
        return
    with tempfile.TemporaryDirectory() as folder:
        save_state(Path(folder), state, loop.learner, loop.optimiser)
        ray.train.report(figures, checkpoint=Checkpoint.from_directory(folder))


class _Teller:
    """Tells the driver where the training is, every second at most."""

    def __init__(self, queue: Queue) -> None:
        self.queue, self.last = queue, 0.0

    def __call__(self, news: News | Prelude) -> None:
        last = news.step == news.steps if isinstance(news, News) else news.done == news.total
        if last or time.monotonic() > self.last + 1:
            self.last = time.monotonic()
            self.queue.put_nowait(news)


def _silent(_: News | Prelude) -> None:
    """Of the other workers."""


def _feeder(loaders: int) -> Feeder:
    """Pictures made by Ray Data's tasks, in the order that was asked for."""

    def feed(pictures: Pictures, rows: NDArray[np.int64], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        if len(rows) <= 4 * batch:  # starting tasks would take longer
            yield from direct(pictures, rows, batch)
            return
        step = max(1, _BLOCK // batch) * batch
        blocks = [rows[i : i + step] for i in range(0, len(rows), step)]
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        context.issue_detectors_config.detectors = []  # advice on memory, every half minute
        context.custom_execution_callback_classes = [Pause]
        context.execution_options.preserve_order = True
        dataset = ray.data.from_blocks([pa.table({"pack": b[:, 0], "row": b[:, 1]}) for b in blocks]).map_batches(
            pictures,
            batch_size=None,
            batch_format="pyarrow",
            compute=TaskPoolStrategy(size=loaders),
            num_cpus=_TASK_CPUS,
        )
        for table in dataset.iter_batches(batch_size=batch, batch_format="pyarrow", prefetch_batches=2):
            yield tensors(table, pictures)

    return feed
