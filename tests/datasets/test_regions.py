"""Regions on and off faces: where they lie, and what they say of themselves."""

from collections import Counter
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.corpus.loading import LOADED
from faceray.datasets.landmarks import AFLW_21
from faceray.datasets.pack import LABELS, label_row
from faceray.datasets.regions import OTHERS, CutRegions, Regions, draw
from faceray.datasets.sample import Sample
from faceray.errors import UserError
from faceray.vision.align import Crop

CROP = Crop("margin", 48)
FACE = (60.0, 40.0, 120.0, 110.0)
NOSE, CHIN = (90.0, 70.0), (92.0, 104.0)


def photo() -> np.ndarray:
    """200 x 150 pixels, grey, with a white spot for a nose."""
    picture = np.full((150, 200, 3), 40, np.uint8)
    cv2.circle(picture, (90, 70), 4, (255, 255, 255), -1)
    return picture


def loaded(others: tuple[float, ...] = (), status: str = "ok", **labels: Any) -> pa.Table:
    row = {"image_id": -7, "uri": "a", "image": "a.jpg", "status": status, "width": 200, "height": 150}
    row |= {"pixels": photo().tobytes(), "others": others} | label_row(Sample(image="a.jpg", **labels), "val")
    return pa.Table.from_pylist([row], schema=pa.schema([*LOADED, ("image", pa.string()), OTHERS, *LABELS]))


def cut(batch: pa.Table, **options: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = CutRegions(CROP, Regions(**options))(batch).to_pylist()
    return rows


SAMPLE = {
    "box": FACE,
    "landmarks": {"nose_center": NOSE, "chin": CHIN},
    "marked": AFLW_21,
    "gender": 1,
    "yaw": 20.0,
    "attributes": {"smile": True},
    "subject": "somebody",
}


def test_each_region_says_what_it_teaches() -> None:
    rows = cut(loaded(**SAMPLE), near=200, far=100)
    assert len(rows) == 300
    kept = [row for row in rows if row["dropped"] is None]
    faces = [row for row in kept if row["is_face"]]
    others = [row for row in kept if row["is_face"] is False]
    between = [row for row in kept if row["is_face"] is None]
    assert min(map(len, (faces, others, between))) > 20
    for row in faces:
        assert row["overlap"] > 0.5
        assert (row["gender"], row["yaw"], row["smile"], row["subject"]) == (1, 20, True, "somebody")
        assert row["keypoints"] is not None
    for row in others:
        assert row["overlap"] < 0.35
        labels = {name for name in LABELS.names if row[name]} - {"subject", "part", "box"}
        assert not labels
    for row in between:
        assert 0.35 < row["overlap"] <= 0.5
        assert row["keypoints"] is not None
        assert (row["gender"], row["yaw"], row["smile"]) == (None, None, None)
    assert {row["part"] for row in kept} == {"val"}
    assert len({row["sample_id"] for row in kept}) == len(kept)


def test_the_first_region_is_the_box_and_keypoints_lie_on_the_picture() -> None:
    kept = [row for row in cut(loaded(**SAMPLE), near=40) if row["is_face"]]
    assert kept[0]["region"] == list(FACE)
    assert kept[0]["overlap"] == 1
    for row in kept:
        picture = cv2.imdecode(np.frombuffer(row["pictures"][0], np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture.shape == (48, 48)
        points = dict(zip(AFLW_21, np.reshape(row["keypoints"], (21, 3)), strict=True))
        x, y, seen = points["nose_center"]
        assert seen == 1
        if 4 < x < 43 and 4 < y < 43:  # not cut off
            np.testing.assert_allclose(np.argwhere(picture > 140).mean(axis=0)[::-1], [x, y], atol=1)
        assert points["left_ear"][2] == 0


def test_regions_between_without_keypoints_and_of_other_faces_are_dropped_and_counted() -> None:
    reasons = Counter(row["dropped"] for row in cut(loaded(box=FACE, gender=0), near=200, far=0))
    assert reasons["region partly on the face"] > 20
    assert set(reasons) <= {None, "region partly on the face"}
    beside = (100.0, 40.0, 160.0, 110.0)
    rows = cut(loaded(others=beside, **SAMPLE), near=200, far=100)
    assert Counter(row["dropped"] for row in rows)["region of another face in the image"] > 20
    for row in rows:
        if row["dropped"] is None and row["is_face"] is False:
            assert row["overlap"] < 0.35  # with either face


def test_an_image_without_a_face_is_all_negative_and_a_face_needs_a_box() -> None:
    rows = cut(loaded(is_face=False), near=10, far=20)
    assert [row["is_face"] for row in rows] == [False] * 20
    assert [row["dropped"] for row in cut(loaded(gender=1))] == ["the set has no box"]
    small = {row["dropped"] for row in cut(loaded(box=(50.0, 50.0, 60.0, 60.0)), far=0)}
    assert small == {"region smaller than 24 pixels"}
    assert [row["dropped"] for row in cut(loaded(status="truncated", box=FACE))] == ["truncated"]


@given(
    st.tuples(st.integers(0, 150), st.integers(0, 100), st.integers(1, 90), st.integers(1, 90)),
    st.integers(-(2**63), 2**63 - 1),
)
def test_regions_lie_in_the_image_and_are_the_same_every_time(box: tuple[int, ...], number: int) -> None:
    x, y, width, height = box
    face = np.array([[x, y, x + width, y + height]], np.float64)
    options = Regions(near=5, far=5, least=16)
    regions = draw(face, 200, 150, options, number)
    np.testing.assert_array_equal(regions, draw(face, 200, 150, options, number))
    assert (regions == np.rint(regions)).all()
    assert (regions[:, :2] >= 0).all()
    assert (regions[:, 2:] <= [200, 150]).all()
    assert (regions[5:, 2:] - regions[5:, :2] >= 16).all()  # anywhere
    assert not np.array_equal(regions, draw(face, 200, 150, Regions(near=5, far=5, least=16, seed=1), number))


@pytest.mark.parametrize("values", [{"near": 0, "far": 0}, {"far": -1}, {"scale": 0.5}, {"shift": -0.1}])
def test_options_that_draw_nothing_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="regions"):
        Regions(**values)
