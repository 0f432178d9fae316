"""The Ray cluster that a job runs on, and how its workers are shared out."""

import logging
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before Ray is imported: send nobody statistics
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what matters reaches us as an exception

import pyarrow as pa
import ray
from ray.data import DataContext, Dataset
from ray.exceptions import RayTaskError

from faceray.errors import UserError
from faceray.options import Workers

# Ray ends workers after a second without work; starting the next one costs seconds of imports.
_LOCAL = {"idle_worker_killing_time_threshold_ms": 60_000}


@contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """Connect to a Ray cluster, and leave it at the end.

    In order: the address given; the cluster that this job was submitted to (RAY_ADDRESS); a local one, started here
    and stopped at the end.

    Raises:
        UserError: there is no cluster at the address.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    local = (
        {"include_dashboard": False, "log_to_driver": False, "_system_config": _LOCAL} if address == "local" else {}
    )
    try:
        with _mute():
            ray.init(address=address, logging_level=logging.ERROR, **local)
    except Exception as error:  # Ray has no type of its own for a start that takes too long
        raise UserError(f"cannot connect to Ray at {address}: {' '.join(str(error).split())}") from error
    context = DataContext.get_current()
    context.raise_original_map_exception = True  # not Ray's word for it
    context.enable_progress_bars = False  # ours counts images
    context.print_on_execution_start = False
    context.execution_options.preserve_order = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what it reports as an error, it raises
    warnings.filterwarnings("ignore", module="ray.data")  # advice on graphs, such as fewer inputs than workers
    warnings.filterwarnings("ignore", message=".*ray_remote_args")  # nothing else sets a task's retries
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)  # Ray's own handler aborts the process
    try:
        yield
    finally:
        _await_executors()
        ray.shutdown()


def results(dataset: Dataset) -> Iterator[pa.Table]:
    """The blocks that the dataset's last stage makes, as they come. Unlike `iter_batches` it starts no threads of its
    own, which would go on asking after the consumer has left.

    Raises:
        UserError: a stage met what the user can mend, such as a full disk.
    """
    with user_errors():
        for bundle in dataset.iter_internal_ref_bundles():
            yield from ray.get(list(bundle.block_refs))


@contextmanager
def user_errors() -> Iterator[None]:
    """What the user can mend is that for Ray's workers, too.

    Raises:
        UserError: a task or an actor met one.
    """
    try:
        yield
    except RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise UserError(str(error.cause).partition("\n")[0]) from error  # Ray appends advice
        raise


def _await_executors() -> None:
    """A thread that asks Ray for something after its shutdown ends the process, exit code 1, without a word."""
    for thread in threading.enumerate():
        if thread.name.startswith("StreamingExecutor"):
            thread.join(60)


def _interrupt(*_: object) -> NoReturn:
    """A job that is told to stop stops as after Ctrl-C: what is written is committed, the manifest says so."""
    raise KeyboardInterrupt


@contextmanager
def _mute() -> Iterator[None]:
    """Drop what native code writes to standard error: Ray reports there that it has been told to be quiet."""
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


@dataclass(frozen=True)
class Pool:
    """Workers of one stage, and the part of a CPU and of a GPU that Ray sets aside for each."""

    size: int
    cpus: float
    gpus: float = 0


@dataclass(frozen=True)
class Pools:
    """Who works on what.

    The parts are small on purpose: workers wait for each other most of the time, and the operating system shares the
    cores better than reservations would. All of them together always fit the cluster.
    """

    device: str
    tasks: Pool
    detect: Pool
    recognise: Pool

    @property
    def workers(self) -> dict[str, int]:
        """Most workers of each stage at a time."""
        sizes = {"load": self.tasks, "detect": self.detect, "recognise": self.recognise, "write": self.tasks}
        return {stage: pool.size for stage, pool in sizes.items()}


def share_out(workers: Workers, device: str) -> Pools:
    """Pools for the cluster that this process is connected to.

    Raises:
        UserError: GPUs were asked for and the cluster has none.
    """
    resources = ray.cluster_resources()
    return pools_for(int(resources.get("CPU", 1)), int(resources.get("GPU", 0)), workers, device)


def pools_for(cpus: int, gpus: int, workers: Workers, device: str) -> Pools:
    """A GPU carries one detector and one recogniser; without any, each core carries a detector and half a recogniser.

    Detectors take most of the time on a CPU: 85 % of it for photos of a megapixel with one face.
    """
    if device == "cuda" and not gpus:
        raise UserError("device 'cuda' was asked for, but the Ray cluster has no GPU")
    gpus = gpus if device != "cpu" else 0

    def pool(size: int, cpu_share: float, gpu_share: float) -> Pool:
        return Pool(size, min(1.0, cpu_share * cpus / size), gpu_share / -(-size // gpus) if gpus else 0)

    return Pools(
        device="cuda" if gpus else "cpu",
        tasks=Pool(workers.fetch or cpus, 0.1),
        detect=pool(workers.detect or gpus or cpus, 0.6, 0.6),
        recognise=pool(workers.recognise or gpus or max(1, cpus // 2), 0.2, 0.4),
    )
