"""Every graph must fit its cluster: one that does not waits for ever. What its stages give and meet comes back."""

import pyarrow as pa
import pytest
import ray.data
from hypothesis import given
from hypothesis import strategies as st

from faceray.cluster import cluster, pools_for, results
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


def twice(batch: pa.Table) -> pa.Table:
    return pa.table({"id": [2 * i for i in batch["id"].to_pylist()]})


def full_disk(_: pa.Table) -> pa.Table:
    raise UserError("cannot write part-1.parquet: No space left on device")


def test_stages_give_tables_and_the_users_errors(ray_address: str) -> None:
    with cluster(ray_address):
        blocks = [pa.table({"id": [2 * i, 2 * i + 1]}) for i in range(3)]
        rows = ray.data.from_blocks(blocks).map_batches(twice, batch_format="pyarrow")
        assert sorted(i for table in results(rows) for i in table["id"].to_pylist()) == [0, 2, 4, 6, 8, 10]
        failing = ray.data.from_blocks(blocks).map_batches(full_disk, batch_format="pyarrow")
        with pytest.raises(UserError, match=r"^cannot write part-1\.parquet: No space left on device$"):
            list(results(failing))
