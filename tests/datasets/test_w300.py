"""300-W: 68 points beside each image."""

from pathlib import Path

import pytest

from faceray.datasets.w300 import SIZE_LIMIT, read_300w
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch, write


def pts(count: int = 68, announced: int = 68) -> str:
    lines = "".join(f"{i + 1}.500000 {100 + i}.000000\n" for i in range(count))
    return f"version: 1\nn_points:  {announced}\n{{\n{lines}}}\n"


def test_points_count_from_zero(tmp_path: Path):
    touch(tmp_path, "lfpw/trainset/image_0001.png")
    write(tmp_path, "lfpw/trainset/image_0001.pts", pts())
    (sample,) = read_300w(tmp_path)
    assert sample.image == "lfpw/trainset/image_0001.png"
    assert sample.landmarks["jaw_0"] == (0.5, 99)
    assert sample.landmarks["mouth_right"] == sample.landmarks["outer_lip_6"] == (54.5, 153)
    assert len(sample.landmarks) == 73


def test_the_usual_split(tmp_path: Path):
    names = {
        "afw/1051618982_1": "train",
        "helen/trainset/100032540_1": "train",
        "helen/testset/296814969_3": "test",
        "lfpw/testset/image_0001": "test",
        "ibug/image_003_1": "test",
        "01_Indoor/indoor_001": "test",
        "02_Outdoor/outdoor_001": "test",
    }
    for name in names:
        touch(tmp_path, f"{name}.jpg")
        write(tmp_path, f"{name}.pts", pts())
    samples, dropped = sort_out(read_300w(tmp_path))
    assert not dropped
    assert {s.image.removesuffix(".jpg"): s.split for s in samples} == names


@pytest.mark.parametrize(
    "text",
    [
        pts(67, 67),
        pts(67, 68),
        pts(68, 10**12),
        "",
        "68 points",
        pts().replace("{", ""),
        pts().replace("3.500000", "three"),
        pts().replace("3.500000", "nan"),
        pts().replace("3.500000 102.000000", "3.500000"),
        "version: 1\nn_points: 0\n{\n}\n",
    ],
)
def test_other_points_are_dropped(tmp_path: Path, text: str):
    touch(tmp_path, "a.jpg")
    write(tmp_path, "a.pts", text)
    samples, dropped = sort_out(read_300w(tmp_path))
    assert not samples
    assert reasons(dropped) == {"not 68 points": 1}


def test_no_image(tmp_path: Path):
    write(tmp_path, "a.pts", pts())
    (entry,) = read_300w(tmp_path)
    assert (entry.image, entry.reason) == ("a.pts", "no image of this name")


def test_files_that_cannot_be_points(tmp_path: Path):
    with pytest.raises(UserError, match=r"has no \.pts files"):
        list(read_300w(tmp_path))
    touch(tmp_path, "a.jpg")
    (tmp_path / "a.pts").write_bytes(b"\xff" * 100)
    with pytest.raises(UserError, match="cannot read"):
        list(read_300w(tmp_path))
    (tmp_path / "a.pts").write_bytes(b"1" * (SIZE_LIMIT + 1))
    with pytest.raises(UserError, match="more than"):
        list(read_300w(tmp_path))
