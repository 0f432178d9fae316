"""What the stages of a graph give and meet comes back."""

import time

import pyarrow as pa
import pytest
import ray.data
from ray.data import DataContext

from faceray.cluster import cluster, results
from faceray.errors import UserError


def twice(batch: pa.Table) -> pa.Table:
    return pa.table({"id": [2 * i for i in batch["id"].to_pylist()]})


def full_disk(_: pa.Table) -> pa.Table:
    raise UserError("cannot write part-1.parquet: No space left on device")


def endless(batch: pa.Table) -> pa.Table:
    time.sleep(30)
    return batch


def test_stages_give_tables_and_the_users_errors(ray_address: str) -> None:
    with cluster(ray_address):
        blocks = [pa.table({"id": [2 * i, 2 * i + 1]}) for i in range(3)]
        rows = ray.data.from_blocks(blocks).map_batches(twice, batch_format="pyarrow")
        assert sorted(i for table in results(rows) for i in table["id"].to_pylist()) == [0, 2, 4, 6, 8, 10]
        failing = ray.data.from_blocks(blocks).map_batches(full_disk, batch_format="pyarrow")
        with pytest.raises(UserError, match=r"^cannot write part-1\.parquet: No space left on device$"):
            list(results(failing))
        DataContext.get_current().execution_no_progress_timeout_s = 2
        hanging = ray.data.from_blocks(blocks).map_batches(endless, batch_format="pyarrow")
        with pytest.raises(UserError, match=r"nothing has moved for 0 min 02 s: .*start again"):
            list(results(hanging))
