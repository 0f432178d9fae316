"""Surroundings of all tests: nothing is reported home, one thread for each process, one Ray for the whole session."""

import os

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("faceray", deadline=None)  # a shared machine may pause for seconds
settings.load_profile("faceray")


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
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield cluster.address
    cluster.shutdown()
