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

import ray
from ray.data import DataContext

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
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(f"cannot connect to Ray at {address}: {' '.join(str(error).split())}") from error
    context = DataContext.get_current()
    context.enable_progress_bars = False  # ours counts images
    context.print_on_execution_start = False
    context.execution_options.preserve_order = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="ray.data")  # advice on graphs, such as fewer inputs than workers
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)  # Ray's own handler aborts the process
    try:
        yield
    finally:
        ray.shutdown()


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
class Pools:
    """Number of workers of each stage, and the part of a CPU and a GPU that Ray sets aside for each.

    The parts are small on purpose: workers wait for each other most of the time, and the operating system shares the
    cores better than reservations would. All of them together always fit the cluster.
    """

    device: str
    load: int
    detect: int
    recognise: int
    task_cpus: float
    detect_cpus: float
    recognise_cpus: float
    detect_gpus: float = 0
    recognise_gpus: float = 0

    @property
    def workers(self) -> dict[str, int]:
        """Most workers of each stage at a time."""
        return {"load": self.load, "detect": self.detect, "recognise": self.recognise, "write": self.load}


def share_out(workers: Workers, device: str) -> Pools:
    """Pools for the cluster that this process is connected to.

    Raises:
        UserError: GPUs were asked for and the cluster has none.
    """
    resources = ray.cluster_resources()
    return pools_for(int(resources.get("CPU", 1)), int(resources.get("GPU", 0)), workers, device)


def pools_for(cpus: int, gpus: int, workers: Workers, device: str) -> Pools:
    """A GPU carries one detector and one recogniser; without any, each core carries a detector.

    Detectors take most of the time: 85 % of it on a CPU at one face per image.
    """
    if device == "cuda" and not gpus:
        raise UserError("device 'cuda' was asked for, but the Ray cluster has no GPU")
    use_gpus = gpus if device != "cpu" else 0
    detect = workers.detect or use_gpus or cpus
    recognise = workers.recognise or use_gpus or max(1, cpus // 4)
    return Pools(
        device="cuda" if use_gpus else "cpu",
        load=workers.fetch or cpus,
        detect=detect,
        recognise=recognise,
        task_cpus=0.1,
        detect_cpus=min(1.0, 0.6 * cpus / detect),
        recognise_cpus=min(1.0, 0.2 * cpus / recognise),
        detect_gpus=0.6 * use_gpus / detect if use_gpus else 0,
        recognise_gpus=0.4 * use_gpus / recognise if use_gpus else 0,
    )
