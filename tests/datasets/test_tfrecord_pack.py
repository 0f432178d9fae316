"""TFRecord packs: out and in again, and other people's files."""

from pathlib import Path

import pytest

from faceray.datasets.sample import Sample
from faceray.datasets.tfrecord import encode_example, frame
from faceray.datasets.tfrecord_pack import TfrecordOptions, read_tfrecord_pack, write_tfrecord_pack
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out

FOUR = ("eyeglasses", "mustache", "beard", "hat")


def sample(number: int, *flags: bool, data: bytes | None = b"JPEG") -> Sample:
    return Sample(image=f"{number}.jpg", data=data, attributes=dict(zip(FOUR, flags, strict=False)) | {"smile": True})


def test_labels_come_back_in_the_originals_order(tmp_path: Path):
    out = [sample(1, True, False, False, True), sample(2, False, True, True, False, data=b"other")]
    assert write_tfrecord_pack(tmp_path / "val.tfrecord", out) == {"written": 2}
    back, dropped = sort_out(read_tfrecord_pack(tmp_path))
    assert not dropped
    assert [(s.image, s.data, s.split) for s in back] == [
        ("val.tfrecord#0", b"JPEG", "val"),
        ("val.tfrecord#1", b"other", "val"),
    ]
    assert [tuple(s.attributes[name] for name in FOUR) for s in back] == [
        (True, False, False, True),
        (False, True, True, False),
    ]


def test_a_record_of_the_originals_writer(tmp_path: Path):
    content = encode_example({"image/encoded": [b"JPEG"], "image/label": [1, 0, 0, 1]})
    (tmp_path / "train.tfrecord").write_bytes(frame(content))
    (back,), _ = sort_out(read_tfrecord_pack(tmp_path / "train.tfrecord"))
    assert back.attributes == {"eyeglasses": True, "mustache": False, "beard": False, "hat": True}


def test_what_is_left_out_is_counted(tmp_path: Path):
    out = [sample(1, True, False), sample(2, *[True] * 4, data=None), sample(3, *[False] * 4)]
    counts = write_tfrecord_pack(tmp_path / "deep" / "x.tfrecord", out)
    assert counts == {"written": 1, "a label is missing": 1, "no encoded image": 1}
    (back,), _ = sort_out(read_tfrecord_pack(tmp_path / "deep"))
    assert back.split is None


def test_other_attributes(tmp_path: Path):
    options = TfrecordOptions(attributes=("smile",))
    write_tfrecord_pack(tmp_path / "x.tfrecord", [sample(1)], options)
    (back,), _ = sort_out(read_tfrecord_pack(tmp_path, options))
    assert back.attributes == {"smile": True}
    with pytest.raises(UserError, match="has 1 labels, not one for each of eyeglasses, mustache, beard, hat"):
        list(read_tfrecord_pack(tmp_path))


def test_labels_that_are_no_truth_values_are_dropped(tmp_path: Path):
    content = encode_example({"image/encoded": [b"JPEG"], "image/label": [1, 0, 0, -1]})
    (tmp_path / "x.tfrecord").write_bytes(frame(content))
    _, dropped = sort_out(read_tfrecord_pack(tmp_path))
    assert reasons(dropped) == {"a label that is neither 0 nor 1": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff" * 30, "x.tfrecord#0 is not a tf.train.Example"),
        (b"\x0a\x05\x0a\x03\x12\x01\x12", "is not a tf.train.Example"),
        (b"", "has no image/encoded"),
        (encode_example({"image/encoded": [b"x"]}), "no image/label"),
        (encode_example({"image/encoded": [7], "image/label": [1, 0, 0, 1]}), "has no image/encoded"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: bytes, message: str):
    (tmp_path / "x.tfrecord").write_bytes(frame(content))
    with pytest.raises(UserError, match=message):
        list(read_tfrecord_pack(tmp_path))


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path: Path):
    (tmp_path / "x.tfrecord").write_bytes(b"mine")
    with pytest.raises(UserError, match="exists already"):
        write_tfrecord_pack(tmp_path / "x.tfrecord", [])

    def failing():
        yield sample(1, *[True] * 4)
        raise RuntimeError("the source went away")

    with pytest.raises(RuntimeError, match="went away"):
        write_tfrecord_pack(tmp_path / "y.tfrecord", failing())
    assert [path.name for path in tmp_path.iterdir()] == ["x.tfrecord"]


def test_an_empty_folder(tmp_path: Path):
    with pytest.raises(UserError, match=r"no \.tfrecord files"):
        list(read_tfrecord_pack(tmp_path))
