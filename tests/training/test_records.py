"""Records of a training: figures of every round, answers on held-out faces; other programs read them."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from faceray.results.schema import GENDERS
from faceray.storage import Folder
from faceray.training.answers import Answers
from faceray.training.held_out import Judged
from faceray.training.objectives.age import AgeYears
from faceray.training.objectives.classes import Classes, YesNo
from faceray.training.objectives.geometry import Landmarks
from faceray.training.objectives.identity import Identity
from faceray.training.objectives.objective import Objective
from faceray.training.pack_labels import read_labels
from faceray.training.records import EVENTS, METRICS, PREDICTIONS, write_history, write_predictions
from tests.training.packs import make_pack

nan = float("nan")
HISTORY = [
    {"epoch": 0.5, "step": 10.0, "loss": 2.0},
    {"epoch": 1.0, "step": 20.0, "loss": nan, "age/mae": 5.5},
]


def test_metrics_have_a_row_for_each_round_and_a_column_for_each_figure(tmp_path: Path) -> None:
    write_history(Folder.at(str(tmp_path)), HISTORY)
    table = pq.read_table(tmp_path / METRICS)
    assert table.column_names == ["epoch", "step", "loss", "age/mae"]
    assert set(table.schema.types) == {pa.float64()}
    assert table["age/mae"].to_pylist() == [None, 5.5]
    assert math.isnan(table["loss"].to_pylist()[1])


def test_metrics_are_replaced_round_by_round(tmp_path: Path) -> None:
    for rounds in (1, 2):
        write_history(Folder.at(str(tmp_path)), HISTORY[:rounds])
        assert pq.read_table(tmp_path / METRICS).num_rows == rounds
    assert len(list((tmp_path / EVENTS).iterdir())) == 1
