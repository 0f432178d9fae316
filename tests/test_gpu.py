"""Whole jobs on a GPU of a real local Ray: the same rows as on CPUs, a network that learns and then works anywhere."""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from faceray.annotate import annotate
from faceray.models.checkpoint import load_checkpoint
from faceray.options import AnnotateOptions
from faceray.storage import Folder
from faceray.train import train
from faceray.train_options import TrainOptions
from faceray.vision.align import Crop
from tests.corpora import crowd, mixed_corpus
from tests.faults.place import tables
from tests.training.packs import make_pack

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]


def test_annotate_writes_what_it_writes_on_cpus(tmp_path: Path) -> None:
    expected = mixed_corpus(tmp_path / "photos") | crowd(tmp_path / "photos" / "crowd", 60)
    cpu, gpu = _annotated(tmp_path, "cpu"), _annotated(tmp_path, "cuda")
    assert len(gpu[0]) == len(expected)
    for one, other in zip(cpu, gpu, strict=True):
        numbers = one.columns[one.dtypes == np.float32]
        vectors = one.columns[[isinstance(value, np.ndarray) for value in one.iloc[0]]]
        rest = one.columns.difference(numbers).difference(vectors)
        pd.testing.assert_frame_equal(one[rest], other[rest])
        np.testing.assert_allclose(one[numbers], other[numbers], atol=0.1)
        for name in vectors:
            np.testing.assert_allclose(np.stack(one[name]), np.stack(other[name]), atol=0.05, err_msg=name)


def _annotated(folder: Path, device: Literal["cpu", "cuda"]) -> tuple[pd.DataFrame, pd.DataFrame]:
    annotate(AnnotateOptions(f"{folder}/photos", f"{folder}/{device}", device=device))
    return tables(Folder.at(f"{folder}/{device}"))


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
