"""FG-NET: person and age from the name."""

from faceray.datasets.fgnet import read_fgnet
from tests.datasets.layout import reasons, sort_out, touch


def test_names(tmp_path):
    touch(tmp_path, "images/082A18.JPG", "images/001A43a.JPG", "images/001A02.JPG", "images/other.JPG", "points/x.pts")
    samples, dropped = sort_out(read_fgnet(tmp_path))
    assert [(sample.image, sample.age, sample.identity) for sample in samples] == [
        ("images/001A02.JPG", 2, "001"),
        ("images/001A43a.JPG", 43, "001"),
        ("images/082A18.JPG", 18, "082"),
    ]
    assert reasons(dropped) == {"name is not personAage": 1}


def test_images_without_their_folder(tmp_path):
    touch(tmp_path, "001A02.JPG")
    assert [sample.image for sample in read_fgnet(tmp_path)] == ["001A02.JPG"]
