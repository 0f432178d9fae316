"""CACD: age and person from the name."""

from faceray.datasets.cacd import read_cacd
from tests.datasets.layout import reasons, sort_out, touch


def test_names(tmp_path):
    touch(tmp_path, "14_A_Person_0001.jpg", "62_B_Person_0008.jpg", "23_Zoë_Person_0002.jpg", "cover.jpg")
    samples, dropped = sort_out(read_cacd(tmp_path))
    assert [(sample.identity, sample.age, sample.gender) for sample in samples] == [
        ("A_Person", 14, None),
        ("Zoë_Person", 23, None),
        ("B_Person", 62, None),
    ]
    assert reasons(dropped) == {"name is not age_person_number": 1}
