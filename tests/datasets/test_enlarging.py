"""Small pictures made larger for the detector."""

import cv2
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.corpus.loading import LOADED
from faceray.datasets.enlarging import Enlarge, enlarge
from faceray.errors import UserError
from faceray.inference.detection import Detect
from faceray.vision.align import transform
from faceray.vision.mtcnn import MtcnnOptions
from tests.faces import portrait


@given(
    st.integers(20, 90),
    st.integers(20, 90),
    st.sampled_from([Enlarge(), Enlarge(64), Enlarge(0, 0.5), Enlarge(96, 0.25)]),
)
def test_the_frame_says_where_a_pixel_went(width: int, height: int, how: Enlarge) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[height // 2, width // 2] = 255
    larger, frame = enlarge(picture, how)
    assert min(larger.shape[:2]) >= how.side
    bright = larger[:, :, 0].astype(float)
    y, x = np.indices(bright.shape)
    found = [(x * bright).sum() / bright.sum(), (y * bright).sum() / bright.sum()]
    np.testing.assert_allclose(transform(np.array([[width // 2, height // 2]]), frame)[0], found, atol=0.1)


def test_large_pictures_keep_their_size_and_the_frame_is_black() -> None:
    picture = np.full((100, 140, 3), 200, np.uint8)
    assert enlarge(picture, Enlarge(64))[0].shape == picture.shape
    framed, _ = enlarge(picture, Enlarge(64, 0.1))
    assert framed.shape == (120, 160, 3)
    assert framed[:10].max() == framed[:, -10:].max() == 0
    assert (framed[10:-10, 10:-10] == picture).all()


def test_a_small_face_is_found_in_the_larger_picture() -> None:
    tight = cv2.resize(np.ascontiguousarray(portrait(160)[30:125, 45:125]), (40, 48), interpolation=cv2.INTER_AREA)
    good = {"image_id": 1, "uri": "a", "status": "ok", "width": 40, "height": 48, "pixels": tight.tobytes()}
    batch = pa.Table.from_pylist([good, {"image_id": 2, "uri": "b", "status": "empty"}], schema=LOADED)
    detect = Detect(MtcnnOptions(48), ())
    assert [len(faces) for faces in detect(batch)["faces"].to_pylist()] == [0, 0]
    found = detect(Enlarge(192, 0.125)(batch))
    assert [len(faces) for faces in found["faces"].to_pylist()] == [1, 0]
    assert found["width"].to_pylist() == [240, None]


@pytest.mark.parametrize("values", [(-1, 0.0), (5000, 0.0), (0, 1.5)])
def test_out_of_range(values: tuple[int, float]) -> None:
    with pytest.raises(UserError, match="out of range"):
        Enlarge(*values)
