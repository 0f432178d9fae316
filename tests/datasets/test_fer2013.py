"""FER2013: pixels in a table or folders of files, numbered in its own order."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from faceray.datasets.fer2013 import Fer2013Options, read_fer2013
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch, write

ORDER = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
RAMP = " ".join(str(value % 256) for value in range(48 * 48))
HEADER = "emotion,pixels,Usage\n"


def test_the_order_of_labels_and_the_splits(tmp_path):
    usages = ["Training", "PublicTest", "PrivateTest"] * 3
    rows = [f"{code},{RAMP},{usage}\n" for code, usage in zip(range(7), usages, strict=False)]
    write(tmp_path, "fer2013.csv", HEADER + "".join(rows))
    samples, _ = sort_out(read_fer2013(tmp_path))
    assert [sample.emotion for sample in samples] == ORDER
    assert [sample.split for sample in samples] == ["train", "val", "test", "train", "val", "test", "train"]
    assert samples[6].image == "fer2013.csv#6"


def test_the_pixels_arrive_unchanged_row_by_row(tmp_path):
    write(tmp_path, "fer2013.csv", f"{HEADER}3,{RAMP},Training\n")
    (sample,), _ = sort_out(read_fer2013(tmp_path))
    pixels = np.array(Image.open(BytesIO(sample.data)))
    assert (pixels.shape, pixels.dtype) == ((48, 48), np.uint8)
    np.testing.assert_array_equal(pixels.ravel(), np.arange(48 * 48) % 256)


def test_rows_that_are_no_faces(tmp_path):
    blank = " ".join(["0"] * 48 * 48)
    bad = ["3,1 2 3,Training", f"3,{RAMP[:-3]}256,Training", f"3,{RAMP[:-3]}x,Training"]
    rows = [f"3,{blank},Training", *bad, f"7,{RAMP},Training", f"3,{RAMP},Testing"]
    write(tmp_path, "fer2013.csv", HEADER + "\n".join(rows) + "\n")
    samples, dropped = sort_out(read_fer2013(tmp_path))
    assert not samples
    assert reasons(dropped) == {"blank image": 1, "not 48 x 48 pixels": 3, "unknown emotion or usage": 2}
    samples, _ = sort_out(read_fer2013(tmp_path, Fer2013Options(drop_blank=False)))
    assert [sample.image for sample in samples] == ["fer2013.csv#0"]


@pytest.mark.parametrize(("folder", "names"), [("Training", "0123456"), ("train", ["angry", "disgust", "happy"])])
def test_folders_by_number_or_name(tmp_path, folder, names):
    for name in names:
        write(tmp_path, f"{folder}/{name}/1.jpg", "x" * 400)
    samples, _ = sort_out(read_fer2013(tmp_path))
    expected = ORDER if folder == "Training" else ["anger", "disgust", "happiness"]
    assert [sample.emotion for sample in samples] == expected
    assert {sample.split for sample in samples} == {"train"}


def test_small_files_are_blank_images(tmp_path):
    write(tmp_path, "PrivateTest/6/1.jpg", "x" * 399)
    touch(tmp_path, "PublicTest/other/1.jpg")
    _, dropped = sort_out(read_fer2013(tmp_path))
    assert reasons(dropped) == {"blank image": 1, "folder is not an emotion": 1}
    samples, _ = sort_out(read_fer2013(tmp_path, Fer2013Options(drop_blank=False)))
    assert [(sample.emotion, sample.split) for sample in samples] == [("neutral", "test")]


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match=r"fer2013\.csv"):
        list(read_fer2013(tmp_path))
