"""MORPH: the published table."""

import pytest

from faceray.datasets.morph import read_morph
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, write

HEADER = "id_num,picture_num,dob,doa,race,gender,facial_hair,age,age_diff,glasses,photo\n"


def row(person, race, gender, age, photo):
    return f"{person},1,01/02/1970,03/04/2005,{race},{gender},NULL,{age},0,NULL,{photo}\n"


def test_labels(tmp_path):
    rows = [row(248490, race, "M", 25, f"Album2/06/248490_12M25{race}.JPG") for race in "WBAIHOU"]
    write(tmp_path, "morph_2008_nonCommercial.csv", HEADER + "".join(rows) + row(9, "B", "F", 31, "Album2/x.JPG"))
    samples, _ = sort_out(read_morph(tmp_path))
    assert [sample.race for sample in samples[:7]] == ["White", "Black", "Asian", "Indian", "Other", "Other", None]
    assert [sample.gender for sample in samples] == [1] * 7 + [0]  # SSR-Net's copy has 0 for male
    assert (samples[0].image, samples[0].age, samples[0].identity) == ("Album2/06/248490_12M25W.JPG", 25, "248490")


def test_rows_without_a_label(tmp_path):
    rows = row(1, "B", "M", "", "Album2/a.JPG") + row(1, "B", "M", 30, "") + row(1, "B", "", 30, "Album2/b.JPG")
    write(tmp_path, "morph_2008_nonCommercial.csv", HEADER + rows)
    samples, dropped = sort_out(read_morph(tmp_path))
    assert [sample.gender for sample in samples] == [None]
    assert reasons(dropped) == {"row without photo or age": 2}


def test_no_table(tmp_path):
    with pytest.raises(UserError, match=r"morph_2008_nonCommercial\.csv"):
        list(read_morph(tmp_path))
