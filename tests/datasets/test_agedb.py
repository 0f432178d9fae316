"""AgeDB: person, age and gender from the name."""

from faceray.datasets.agedb import read_agedb
from tests.datasets.layout import reasons, sort_out, touch


def test_names(tmp_path):
    touch(tmp_path, "AgeDB/5147_PersonA_31_m.jpg", "AgeDB/0_PersonB_35_f.jpg", "AgeDB/1_A_B_80_m.jpg")
    touch(tmp_path, "AgeDB/2_NoGender_80.jpg", "AgeDB/3_OtherGender_80_x.jpg")
    samples, dropped = sort_out(read_agedb(tmp_path))
    assert [(sample.identity, sample.age, sample.gender) for sample in samples] == [
        ("PersonB", 35, 0),
        ("A_B", 80, 1),
        ("PersonA", 31, 1),
    ]
    assert reasons(dropped) == {"name is not number_person_age_gender": 2}
