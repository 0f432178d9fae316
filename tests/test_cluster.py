"""Every graph must fit its cluster: one that does not waits for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.cluster import pools_for
from faceray.errors import UserError
from faceray.options import Workers

COUNTS = st.integers(0, 40)


@given(st.integers(1, 500), st.integers(0, 16), COUNTS, COUNTS, st.sampled_from(["auto", "cpu"]))
def test_all_actors_and_a_task_fit(cpus: int, gpus: int, detect: int, recognise: int, device: str) -> None:
    pools = pools_for(cpus, gpus, Workers(detect=detect, recognise=recognise), device)
    actors = (pools.detect, pools.recognise)
    assert sum(pool.size * pool.cpus for pool in actors) + pools.tasks.cpus <= cpus
    assert sum(pool.size * pool.gpus for pool in actors) <= gpus + 1e-9
    assert all(pool.gpus <= 1 for pool in actors)  # Ray takes more than one only as a whole number
    assert pools.device == ("cuda" if gpus and device == "auto" else "cpu")


def test_a_detector_for_each_core_or_gpu() -> None:
    assert pools_for(16, 0, Workers(), "auto").workers == {"load": 16, "detect": 16, "recognise": 8, "write": 16}
    assert pools_for(16, 4, Workers(), "auto").workers == {"load": 16, "detect": 4, "recognise": 4, "write": 16}


def test_options_win() -> None:
    assert pools_for(16, 0, Workers(3, 5, 2), "auto").workers == {"load": 3, "detect": 5, "recognise": 2, "write": 3}


def test_a_gpu_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UserError, match="no GPU"):
        pools_for(8, 0, Workers(), "cuda")
