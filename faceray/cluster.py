"""The Ray cluster that a job runs on: coming, going, and what comes back."""

import logging
import os
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before Ray is imported: send nobody statistics
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what matters reaches us as an exception
os.environ.setdefault("RAY_raylet_start_wait_time_s", "120")  # on a busy machine 30 are too few

import pyarrow as pa
import ray
from ray.data import DataContext, Dataset
from ray.data.exceptions import ExecutionTimeoutError
from ray.exceptions import RayTaskError

from faceray.errors import UserError
from faceray.units import duration

_STANDSTILL = 3600  # seconds; the slowest batch is far from it
# Ray ends workers after a second without work; starting the next one costs seconds of imports.
_LOCAL = {"idle_worker_killing_time_threshold_ms": 60_000}


@contextmanager
def cluster(address: str | None, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Connect to a Ray cluster, and leave it at the end.

    In order: the address given; the cluster that this job was submitted to (RAY_ADDRESS); a local one, started here
    and stopped at the end.

    Args:
        environment: variables of a local one's workers; of another, who starts it decides.

    Raises:
        UserError: there is no cluster at the address.
    """
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    local: dict[str, Any] = {}
    if address == "local":
        local = {"include_dashboard": False, "log_to_driver": False, "_system_config": _LOCAL}
        local |= {"runtime_env": {"env_vars": dict(environment)}} if environment else {}
    try:
        with _mute():
            ray.init(address=address, logging_level=logging.ERROR, **local)
    except Exception as error:  # Ray has no type of its own for a start that takes too long
        raise UserError(f"cannot connect to Ray at {address}: {' '.join(str(error).split())}") from error
    context = DataContext.get_current()
    context.raise_original_map_exception = True  # not Ray's word for it
    context.enable_progress_bars = False  # ours counts images
    context.execution_no_progress_timeout_s = _STANDSTILL
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
        UserError: a stage met what the user can mend, such as a full disk; or nothing moves any more.
    """
    try:
        with user_errors():
            for bundle in dataset.iter_internal_ref_bundles():
                yield from ray.get(list(bundle.block_refs))
    except ExecutionTimeoutError as error:
        hint = "`ray status` tells whether workers wait for machines that were lost; start again to go on from here"
        standstill = duration(DataContext.get_current().execution_no_progress_timeout_s)
        raise UserError(f"nothing has moved for {standstill}: {hint}") from error


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
