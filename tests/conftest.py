"""Surroundings of all tests: nothing is reported home, one thread for each process, one Ray for the whole session."""

import os

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_TRAIN_ENABLE_PREEMPTION_WATCHER"] = "0"  # a process for each training; nobody takes machines away here
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from tests.s3 import KEY, SECRET, s3, s3_proxy  # noqa: F401  (fixtures: one server for all)

settings.register_profile("faceray", deadline=None)  # a shared machine may pause for seconds
settings.load_profile("faceray")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long ones first: beside the many short ones, not after them. They are those that may take longer than others."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


class RayTogether(LoadFileScheduling):  # type: ignore[misc]
    """Files stay whole, and those that share a Ray run in one process: its services take a tenth of a core."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return "ray" if _shares_ray(file) else file


@cache
def _shares_ray(file: str) -> bool:
    return "ray_address" in (Path(__file__).parent.parent / file).read_text()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> RayTogether:
    """Who runs which tests."""
    return RayTogether(config, log)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real photos that FACERAY_DATA names; without it the test is skipped."""
    folder = os.environ.get("FACERAY_DATA")
    if not folder:
        pytest.skip("set FACERAY_DATA to the folder of labelled face sets to run this")
    return Path(folder)


@pytest.fixture(scope="session")
def ray_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local Ray cluster of two CPUs; jobs connect to it and leave it again."""
    cluster = _start_ray(tries=3)
    yield cluster.address
    cluster.shutdown()


# metrics every two seconds, ten otherwise; workers without work stay longer than one; and they are no less urgent than
# the tests beside them, as Ray has it, else the long files are the last
_CONFIG = {"metrics_report_interval_ms": 2000, "idle_worker_killing_time_threshold_ms": 20_000, "worker_niceness": 0}
_HEAD = {"num_cpus": 2, "include_dashboard": False, "include_log_monitor": False, "_system_config": _CONFIG}


def _start_ray(tries: int) -> Any:
    """Its workers reach the tests' S3 server. On a busy machine Ray's own limit for starting a node may pass."""
    from ray.cluster_utils import Cluster

    before = dict(os.environ)
    os.environ |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}
    try:
        return Cluster(initialize_head=True, head_node_args=_HEAD)
    except Exception:
        if tries == 1:
            raise
    finally:
        os.environ.clear()
        os.environ.update(before)
    return _start_ray(tries - 1)
