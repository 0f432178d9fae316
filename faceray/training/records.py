"""What a training leaves beside its network: the figures of every round, and its answers on held-out faces."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from faceray.models.tasks import answer
from faceray.storage import Folder
from faceray.training.held_out import Judged
from faceray.training.objectives.objective import Objective
from faceray.training.pack_labels import PackLabels

METRICS, PREDICTIONS, EVENTS = "metrics.parquet", "predictions.parquet", "tensorboard"
_EVENT_FILE = "events.out.tfevents.0.faceray"


def write_history(output: Folder, history: Sequence[dict[str, float]]) -> None:
    """Write, or replace, `metrics.parquet` and the TensorBoard events: a row, a point for each round."""
    names = list(dict.fromkeys(name for row in history for name in row))
    table = pa.table({name: pa.array([row.get(name) for row in history], pa.float64()) for name in names})
    output.write(METRICS, _parquet(table))
    (output / EVENTS).write(_EVENT_FILE, _events(history))


def _events(history: Sequence[dict[str, float]]) -> bytes:
    from tensorboardX.event_file_writer import EventFileWriter
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.summary import scalar

    with tempfile.TemporaryDirectory() as folder:
        writer = EventFileWriter(folder)
        for row in history:
            for name, value in row.items():
                writer.add_event(Event(step=int(row["step"]), summary=scalar(name, value)))
        writer.close()
        return next(Path(folder).iterdir()).read_bytes()


def write_predictions(
    output: Folder, judged: Judged, packs: Sequence[PackLabels], objectives: Sequence[Objective]
) -> None:
    """Write `predictions.parquet`: for each held-out sample its pack, sample_id and image, and for each task what the
    network answers (`age`: list of numbers, see `faceray.models.tasks.answer`) and what is true (`age_truth`)."""
    where = judged.rows.tolist()
    columns: dict[str, pa.Array] = {"pack": pa.array([packs[pack].uri for pack, _ in where])}
    for name in ("sample_id", "image"):
        values = [packs[pack].labels[name] for pack in range(len(packs))]
        columns[name] = pa.array([values[pack][row].as_py() for pack, row in where])
    columns["row"] = pa.array(judged.rows[:, 1])
    for objective in objectives:
        if objective.task.kind == "embedding":
            continue
        answers = answer(objective.task, judged.answers.outputs[objective.name].numpy())
        columns[objective.name] = pa.array(list(answers.astype("float32")), pa.list_(pa.float32()))
        truth = judged.truths[objective.name]
        truth = truth.flatten(1) if truth.ndim > 1 else truth[:, None]
        columns[f"{objective.name}_truth"] = pa.array(list(truth.numpy()), pa.list_(pa.float32()))
    output.write(PREDICTIONS, _parquet(pa.table(columns)))


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(table, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content
