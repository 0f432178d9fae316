"""Names by vote."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from faceray.clustering.faces import FaceShards
from faceray.clustering.names import labelled, majority
from faceray.gallery.labels import LABELS
from faceray.results.schema import FACES
from faceray.results.table import Table
from tests.clustering.people import annotated


def test_a_name_needs_more_than_half_of_the_votes() -> None:
    clusters = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3, 3])
    names = ["Ann", "Ann", "Bob", "Ann", "Bob", "Cy", "Di", "Ed", "Ed", "Fay"]
    assert majority(clusters, names) == {0: "Ann", 2: "Cy"}
    assert majority(np.zeros(0, np.int64), []) == {}


def test_labels_name_a_face_or_the_largest_face_of_a_picture(tmp_path: Path) -> None:
    annotated(tmp_path / "out", [[1, 2], [3], [4]])
    faces = Table(FaceShards.of(str(tmp_path / "out")).folder, FACES).dataset()
    rows = {(r["image_id"], r["face_index"]): r["face_id"] for r in faces.to_table().to_pylist()}
    labels = [
        {"face_id": rows[1, 1], "uri": None, "identity": "second"},
        {"face_id": None, "uri": "file:///1.jpg", "identity": "largest"},
        {"face_id": None, "uri": "file:///2.jpg", "identity": "by picture"},
        {"face_id": rows[2, 0], "uri": None, "identity": "by face"},
        {"face_id": 12345, "uri": None, "identity": "nobody"},
    ]
    ids, names = labelled(faces, pa.Table.from_pylist(labels, schema=LABELS))
    wanted = {rows[1, 0]: "largest", rows[1, 1]: "second", rows[2, 0]: "by face"}
    assert dict(zip(ids.tolist(), names, strict=True)) == wanted
