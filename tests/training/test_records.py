"""Records of a training: figures of every round, answers on held-out faces; other programs read them."""

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tensorboardX.proto.event_pb2 import Event

from faceray.datasets.tfrecord import read_records
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


def test_tensorboard_sees_every_figure_at_its_step(tmp_path: Path) -> None:
    write_history(Folder.at(str(tmp_path)), HISTORY)
    (path,) = (tmp_path / EVENTS).iterdir()
    assert "tfevents" in path.name
    events = [Event.FromString(content) for content in read_records(path)]
    found = {(v.tag, event.step): v.simple_value for event in events for v in event.summary.value}
    expected = {(name, int(row["step"])): value for row in HISTORY for name, value in row.items()}
    assert found == pytest.approx(expected, nan_ok=True)


def judged(rows: list[list[int]], truths: dict[str, torch.Tensor], **outputs: torch.Tensor) -> Judged:
    return Judged(np.array(rows, np.int64).reshape(-1, 2), Answers(outputs, {}), truths, {})


def test_predictions_tell_which_face_what_was_said_and_what_is_true(tmp_path: Path) -> None:
    packs = [read_labels(make_pack(tmp_path / name, 8, name=name), ()) for name in ("a", "b")]
    objectives: list[Objective] = [AgeYears(), Classes(name="gender", classes=GENDERS), YesNo(name="smile")]
    outputs = {
        "age": torch.tensor([[31.5], [-4.0]]),
        "gender": torch.zeros(2, 2),
        "smile": torch.tensor([[0.0], [99.0]]),
    }
    truths = {"age": torch.tensor([30.0, nan]), "gender": torch.tensor([1.0, 0.0]), "smile": torch.tensor([nan, 1.0])}
    folder = Folder.at(str(tmp_path / "out"))
    write_predictions(folder, judged([[1, 7], [0, 2]], truths, **outputs), packs, objectives)
    table = pq.read_table(tmp_path / "out" / PREDICTIONS)
    assert table.select(["pack", "sample_id", "image", "row"]).to_pylist() == [
        {"pack": packs[1].uri, "sample_id": 7, "image": "7.jpg", "row": 7},
        {"pack": packs[0].uri, "sample_id": 2, "image": "2.jpg", "row": 2},
    ]
    assert table["age"].to_pylist() == [[31.5], [0.0]]  # nobody is younger than nothing
    assert table["gender"].to_pylist() == [[0.5, 0.5], [0.5, 0.5]]
    assert table["smile"].to_pylist() == [[0.5], [1.0]]
    assert table["gender_truth"].to_pylist() == [[1.0], [0.0]]
    assert table["age_truth"].to_pylist()[0] == [30.0]
    assert math.isnan(table["age_truth"].to_pylist()[1][0])


def test_truths_of_many_numbers_are_one_list(tmp_path: Path) -> None:
    packs = [read_labels(make_pack(tmp_path / "pack", 8), ())]
    given = judged([[0, 1]], {"landmarks": torch.ones(1, 21, 3)}, landmarks=torch.zeros(1, 42))
    write_predictions(Folder.at(str(tmp_path)), given, packs, [Landmarks()])
    table = pq.read_table(tmp_path / PREDICTIONS)
    assert [len(table[name][0]) for name in ("landmarks", "landmarks_truth")] == [42, 63]


def test_embeddings_are_nobodys_to_keep(tmp_path: Path) -> None:
    packs = [read_labels(make_pack(tmp_path / "pack", 8), ())]
    given = judged([[0, 1]], {"identity": torch.ones(1)}, identity=torch.zeros(1, 512))
    write_predictions(Folder.at(str(tmp_path)), given, packs, [Identity()])
    assert pq.read_table(tmp_path / PREDICTIONS).column_names == ["pack", "sample_id", "image", "row"]


def test_no_held_out_faces_are_a_table_without_rows(tmp_path: Path) -> None:
    packs = [read_labels(make_pack(tmp_path / "pack", 8), ())]
    given = judged([], {"age": torch.empty(0)}, age=torch.empty(0, 1))
    write_predictions(Folder.at(str(tmp_path)), given, packs, [AgeYears()])
    assert pq.read_table(tmp_path / PREDICTIONS).num_rows == 0
