from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
from skimage.data import astronaut

from faceray.corpus.loading import LOADED
from faceray.datasets.enlarging import Enlarge
from faceray.datasets.landmarks import AFLW_21
from faceray.datasets.pack import LABELS, label_row
from faceray.datasets.picking import PICKED, Cut, Pick, WriteShard
from faceray.datasets.sample import Sample
from faceray.inference.detection import Detect
from faceray.results.schema import LANDMARKS
from faceray.storage import Folder
from faceray.vision.align import Crop, similarity, template, turn
from faceray.vision.mtcnn import MtcnnOptions

_SHAPE = [(-0.8, -0.8), (0.8, -0.8), (0, 0), (-0.6, 0.9), (0.6, 0.9)]
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


FIVE = [(205.0, 102.0), (247.0, 103.0), (225.0, 129.0), (201.0, 140.0), (245.0, 141.0)]  # of the astronaut


def keypoints(row: dict[str, Any]) -> np.ndarray:
    """The five in the pack's picture (5, 2)."""
    points = np.reshape(row["keypoints"], (21, 3))
    return points[[AFLW_21.index(name) for name in (*(f"{n}_center" for n in LANDMARKS[:3]), *LANDMARKS[3:])], :2]


@pytest.mark.parametrize("how", [Enlarge(), Enlarge(640, 0.25)])
def test_keypoints_and_roll_turn_with_the_aligned_face(detect: Detect, how: Enlarge) -> None:
    pictures = loaded(astronaut(), landmarks=dict(zip(LANDMARKS, FIVE, strict=True)), roll=-3.0)
    (row,) = pick()(detect(how(pictures))).to_pylist()
    np.testing.assert_allclose(keypoints(row), template("arcface", 64), atol=4)
    detected = np.reshape(row["landmarks"], (5, 2))
    np.testing.assert_allclose(detected, FIVE, atol=4)
    turned = turn(similarity(detected, template("arcface", 64)))
    assert row["roll"] == pytest.approx(turned - 3, abs=1e-3)


@pytest.mark.parametrize("crop", [Crop("margin", 32), Crop("similarity", 32), Crop("triple_box", 32)])
@pytest.mark.parametrize("faces", ["whole", "given"])
def test_keypoints_lie_on_the_face_however_it_is_cut(crop: Crop, faces: Any) -> None:
    """A spot painted on the nose is where its keypoint says."""
    spotted = np.zeros((120, 150, 3), np.uint8)
    nose = (64.0, 58.0)
    cv2.circle(spotted, (64, 58), 5, (255, 255, 255), -1)
    five = {name: (64 + 30 * x, 58 + 30 * y) for name, (x, y) in zip(LANDMARKS, _SHAPE, strict=True)}
    (row,) = Cut(crop, faces)(loaded(spotted, box=(20.0, 10.0, 110.0, 118.0), landmarks=five)).to_pylist()
    seen = cv2.imdecode(np.frombuffer(row["pictures"][0], np.uint8), cv2.IMREAD_GRAYSCALE) > 100
    place = np.argwhere(seen).mean(axis=0)[::-1]
    assert five["nose"] == nose
    np.testing.assert_allclose(keypoints(row)[2], place, atol=0.6)


def test_a_box_outside_the_image_is_dropped() -> None:
    (row,) = Cut(Crop("margin", 32), "given")(loaded(astronaut(), box=(-90.0, 5.0, -60.0, 35.0))).to_pylist()
    assert row["dropped"] == "the set's box lies outside the image"


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
