"""Whole jobs on a GPU of a real local Ray: the same rows as on CPUs, a network that learns and then works anywhere."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from faceray.annotate import annotate
from faceray.models.checkpoint import load_checkpoint
from faceray.options import AnnotateOptions
from faceray.results.committer import Committer
from faceray.storage import Folder
from faceray.train import train
from faceray.train_options import TrainOptions
from faceray.vision.align import Crop
from tests.corpora import crowd, mixed_corpus
from tests.training.packs import make_pack

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]


def test_annotate_writes_what_it_writes_on_cpus(tmp_path: Path) -> None:
    expected = mixed_corpus(tmp_path / "photos") | crowd(tmp_path / "photos" / "crowd", 60)
    cpu, gpu = (_tables(tmp_path, device) for device in ("cpu", "cuda"))
    assert len(gpu[0]) == len(expected)
    for one, other in zip(cpu, gpu, strict=True):
        same = one.columns.difference(["run_id", "annotated_at"])
        numbers = same[one[same].dtypes == np.float32]
        vectors = same[[isinstance(value, np.ndarray) for value in one[same].iloc[0]]]
        rest = same.difference(numbers).difference(vectors)
        pd.testing.assert_frame_equal(one[rest], other[rest])
        np.testing.assert_allclose(one[numbers], other[numbers], atol=0.1)
        for name in vectors:
            np.testing.assert_allclose(np.stack(one[name]), np.stack(other[name]), atol=0.05, err_msg=name)


def _tables(folder: Path, device: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    output = f"{folder}/{device}"
    annotate(AnnotateOptions(f"{folder}/photos", output, device=device))  # type: ignore[arg-type]
    committer = Committer(Folder.at(output), 0)
    tables = (table.dataset().to_table().to_pandas() for table in (committer.images, committer.faces))
    images, faces = (table.sort_values(list(table.columns[:1]), ignore_index=True) for table in tables)
    return images, faces


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_network_learns_and_works_anywhere(tmp_path: Path, precision: str) -> None:
    pack = make_pack(tmp_path / "pack", 64, Crop("similarity", 32), emotion=lambda i: ("neutral", "happiness")[i % 2])
    fields = ["network.crop.size=32", "batch=8", "epochs=6", "schedule.warm_up=0.0", f"precision={precision}"]
    output = tmp_path / "out"
    figures = train(TrainOptions("emotion", pack, str(output), set=fields, device="cuda"))
    losses = [row["train/loss"] for row in pq.read_table(output / "metrics.parquet").to_pylist()]
    assert losses[-1] < losses[0] / 2
    assert figures["test/emotion/accuracy"] > 0.9
    outputs = load_checkpoint(str(output)).module(torch.zeros(1, 3, 32, 32))
    assert all(torch.isfinite(value).all() for value in outputs)
