from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
from skimage.data import astronaut

from faceray.corpus.loading import LOADED
from faceray.datasets.pack import LABELS, label_row
from faceray.datasets.picking import PICKED, Cut, Pick, WriteShard
from faceray.datasets.sample import Sample
from faceray.inference.detection import Detect
from faceray.storage import Folder
from faceray.vision.align import Crop
from faceray.vision.mtcnn import MtcnnOptions

CROP = Crop("similarity", 64)
FACE = (180.0, 70.0, 270.0, 190.0)  # of the astronaut


def loaded(*pictures: np.ndarray | str, **labels: Any) -> pa.Table:
    """Rows of LOADED with labels; a string is the status of an image that could not be read."""
    rows = []
    for i, picture in enumerate(pictures):
        row = {
            "image_id": i,
            "uri": f"{i}",
            "version": "",
            "image": f"{i}.jpg",
            **label_row(Sample(image="", **labels), "train"),
        }
        if isinstance(picture, str):
            rows.append({**row, "status": picture})
        else:
            height, width, _ = picture.shape
            rows.append({**row, "status": "ok", "width": width, "height": height, "pixels": picture.tobytes()})
    return pa.Table.from_pylist(rows, schema=pa.schema([*LOADED, ("image", pa.string()), *LABELS]))


@pytest.fixture(scope="module")
def detect() -> Detect:
    return Detect(MtcnnOptions(40), (CROP,))


def pick(single: bool = False, min_score: float = 0, min_size: float = 0) -> Pick:
    return Pick(CROP, single, min_score, min_size)


def test_the_face_is_cut_and_its_labels_come_along(detect: Detect) -> None:
    (row,) = pick()(detect(loaded(astronaut(), age=43.0))).to_pylist()
    assert row["dropped"] is None
    assert row["age"] == 43
    picture = cv2.imdecode(np.frombuffer(row["pictures"][0], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (64, 64, 3)
    assert row["score"] > 0.99


def test_what_cannot_be_used_is_dropped_with_its_reason(detect: Detect) -> None:
    found = detect(loaded(np.zeros((100, 100, 3), np.uint8), "truncated", astronaut()))
    assert pick()(found)["dropped"].to_pylist() == ["no face detected", "truncated", None]
    assert pick(min_size=300)(found)["dropped"].to_pylist()[2] == "face smaller than 300 pixels"
    assert pick(min_score=1.1)(found)["dropped"].to_pylist()[2] == "score below 1.1"


def test_of_two_faces_the_one_at_the_sets_box_is_taken(detect: Detect) -> None:
    two = np.hstack([astronaut(), astronaut()])
    right = (FACE[0] + 512, FACE[1], FACE[2] + 512, FACE[3])
    (row,) = pick()(detect(loaded(two, box=right))).to_pylist()
    assert row["landmarks"][0] > 512
    assert pick(single=True)(detect(loaded(two)))["dropped"].to_pylist() == ["more than one face detected"]
    elsewhere = (10.0, 400.0, 60.0, 450.0)
    assert pick()(detect(loaded(two, box=elsewhere)))["dropped"].to_pylist() == ["no detection at the set's box"]


def test_without_a_detector() -> None:
    whole, given = Cut(Crop("margin", 32), "whole"), Cut(Crop("margin", 32), "given")
    assert whole(loaded(astronaut()))["dropped"].to_pylist() == [None]
    assert given(loaded(astronaut()))["dropped"].to_pylist() == ["the set has neither a box nor five landmarks"]
    pictures = [cut(loaded(astronaut(), box=FACE)).to_pylist()[0]["pictures"][0] for cut in (whole, given)]
    assert pictures[0] != pictures[1]


def test_shards_hold_what_was_kept_and_writing_again_replaces(tmp_path: Any) -> None:
    write = WriteShard(Folder.at(str(tmp_path)))
    picked = Cut(Crop("margin", 32), "whole")(loaded(astronaut(), "empty", astronaut()))
    for _ in range(2):
        (report,) = write(picked).to_pylist()
        assert report == {"written": 2, "dropped": [{"reason": "empty", "count": 1}]}
    (shard,) = (tmp_path / "shards").iterdir()
    assert pa.parquet.read_table(shard).num_rows == 2
    assert PICKED.names[:-1] == pa.parquet.read_table(shard).column_names
