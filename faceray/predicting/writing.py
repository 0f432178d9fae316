"""Predictions as files, written while they come: the text of face_analysis_pytorch, JSON, Parquet."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from faceray.corpus.listing import chunks
from faceray.errors import UserError
from faceray.inference.rows import Row
from faceray.models.tasks import Task
from faceray.predicting.said import cells, fields, numbers, text_order, value
from faceray.storage import Folder, without_secrets

Write = Callable[[Any, Iterable[Row], tuple[Task, ...]], None]
_BOX = ("x1", "y1", "x2", "y2", "score")
_ROWS = 4096  # of one row group


def write_text(file: Any, rows: Iterable[Row], tasks: tuple[Task, ...]) -> None:
    """`path [race] [gender] [age] …`, a line for each picture; all -1 where it could not be read."""
    order = text_order(tasks)
    for row in rows:
        answers = row["faces"][0]["answers"] if row["faces"] else [None] * len(tasks)
        said = [number for i in order for number in numbers(tasks[i], answers[i])]
        file.write(" ".join([row["image"], *said]).encode() + b"\n")


def write_json(file: Any, rows: Iterable[Row], tasks: tuple[Task, ...]) -> None:
    """A list with an object for each picture: image, status, error where there is one, and `classes`: task -> answer.

    Photos have `faces` instead, a list of `bbox` [x, y, width, height], `score` and `classes`.
    """
    start = b"[\n"
    for row in rows:
        entry = {name: row[name] for name in ("image", "status", "error") if row[name] is not None}
        faces = [_json_face(face, tasks) for face in row["faces"]]
        entry |= {"faces": faces} if row["photo"] else faces[0] if faces else {}
        file.write(start + json.dumps(entry, ensure_ascii=False, allow_nan=False).encode())
        start = b",\n"
    file.write(b"\n]\n")


def write_parquet(file: Any, rows: Iterable[Row], tasks: tuple[Task, ...]) -> None:
    """A table with a row for each face, and one without answers for each picture that has none."""
    first = [("image", pa.string()), ("status", pa.string()), ("error", pa.string()), ("face_index", pa.int32())]
    box = [(name, pa.float32()) for name in _BOX]
    schema = pa.schema([*first, *box, *(field for task in tasks for field in fields(task))])
    with pa.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for chunk in chunks((record for row in rows for record in _records(row, tasks)), _ROWS):
            writer.write_table(pa.Table.from_pylist(chunk, schema=schema))


WRITERS: dict[str, Write] = {"text": write_text, "json": write_json, "parquet": write_parquet}
SUFFIXES = {"text": "txt", "json": "json", "parquet": "parquet"}


def stream(folder: Folder, name: str, write: Callable[[Any], None]) -> None:
    """Write a file piece by piece; on a disk it has its name only when it is complete.

    Raises:
        UserError: it cannot be written.
    """
    path = f"{folder.path}/{name}"
    meanwhile = f"{path}.part" if folder.is_local else path
    try:
        with folder.files.open(meanwhile, "wb") as file:
            write(file)
        if meanwhile != path:
            folder.files.mv(meanwhile, path)
    except OSError as error:
        raise UserError(f"cannot write {folder.uri}/{name}: {without_secrets(str(error))}") from error


def _json_face(face: Row, tasks: tuple[Task, ...]) -> dict[str, Any]:
    classes = {task.name: value(task, answer) for task, answer in zip(tasks, face["answers"], strict=True)}
    if "x1" not in face:
        return {"classes": classes}
    x1, y1, x2, y2 = (round(face[edge]) for edge in _BOX[:4])
    return {"bbox": [x1, y1, x2 - x1, y2 - y1], "score": round(face["score"], 6), "classes": classes}


def _records(row: Row, tasks: tuple[Task, ...]) -> list[dict[str, Any]]:
    image = {name: row[name] for name in ("image", "status", "error")}
    records = []
    for index, face in enumerate(row["faces"]):
        record = {**image, "face_index": index, **{name: face.get(name) for name in _BOX}}
        for task, answer in zip(tasks, face["answers"], strict=True):
            record |= cells(task, answer)
        records.append(record)
    return records or [image]
