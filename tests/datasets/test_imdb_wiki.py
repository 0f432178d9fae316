"""IMDB and WIKI: a MATLAB table, ages by the calendar, rules about the detector's faces."""

from datetime import date
from math import inf, nan

import numpy as np
import pytest
from scipy.io import savemat

from faceray.datasets.imdb_wiki import PRESETS, ImdbWikiOptions, age_in, read_imdb, read_wiki
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out

COLUMNS = ("full_path", "dob", "photo_taken", "gender", "face_score", "second_face_score", "face_location")


def day(year: int, month: int, day_of_month: int = 15) -> int:
    return date(year, month, day_of_month).toordinal() + 366


def row(number, *, born=(1980, 3), taken=2010, gender=1.0, score=4.0, second=nan):
    name = f"{number:02d}/nm{number:07d}_rm1_{born[0]}-{born[1]}-15_{taken}.jpg"
    return name, day(*born), taken, gender, score, second, [11.0, 21.0, 110.0, 220.0]


def save(path, database, rows):
    """With the types of the published files: strings and boxes in cells, years as uint16."""
    table = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    cells = {name: np.empty(len(rows), object) for name in ("full_path", "face_location")}
    for name, cell in cells.items():
        cell[:] = [np.array(value) for value in table[name]]
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        "dob": np.array(table["dob"], np.int32),
        "photo_taken": np.array(table["photo_taken"], np.uint16),
        **{name: np.array(table[name], np.float64) for name in ("gender", "face_score", "second_face_score")},
        **cells,
    }
    savemat(path, {database: arrays}, oned_as="row")


@pytest.fixture
def imdb(tmp_path):
    rows = [
        row(0),
        row(1, born=(1980, 7)),
        row(2, gender=0.0, score=0.5),
        row(3, score=-inf),
        row(4, second=2.5),
        row(5, gender=nan),
        row(6, born=(1850, 1)),
        row(7, born=(2015, 1)),
        row(8, score=2.0, born=(2010, 2)),
    ]
    save(tmp_path / "imdb.mat", "imdb", rows)
    return tmp_path


def test_month_rule_and_year_difference():
    assert date.fromordinal(693_726 - 366) == date(1899, 5, 10)  # the first row of the published table
    assert [age_in(2010, day(1980, month)) for month in (1, 6, 7, 12)] == [30, 30, 29, 29]
    assert [age_in(2010, day(1980, month), "year") for month in (1, 12)] == [30, 30]
    assert age_in(2010, 47) == 2009  # a day of birth in the year 0: out of any range of ages


def test_default_rules(imdb):
    samples, dropped = sort_out(read_imdb(imdb))
    assert [(sample.image[:2], sample.age) for sample in samples] == [("00", 30), ("01", 29), ("08", 0)]
    assert reasons(dropped) == {
        "face score not above 1": 1,
        "no face found": 1,
        "second face found": 1,
        "gender unknown": 1,
        "age not from 0 to 100": 2,
    }


@pytest.mark.parametrize(
    ("preset", "kept"),
    [
        ("default", "0 1 8"),
        ("all_in_one", "0 1 2 4"),  # second faces stay; 0 < age < 150
        ("eagp", "0 1 6 7"),  # score above 3, any age
        ("agendernet", "0 1 2 3 8"),  # scores do not matter
        ("c3ae", "0 1 2 3"),  # nor here; 0 < age < 101
    ],
)
def test_the_rules_of_the_originals(imdb, preset, kept):
    samples, dropped = sort_out(read_imdb(imdb, PRESETS[preset]))
    assert [int(sample.image[:2]) for sample in samples] == [int(number) for number in kept.split()]
    assert len(samples) + len(dropped) == 9


def test_year_rule_is_an_option(imdb):
    samples, _ = sort_out(read_imdb(imdb, ImdbWikiOptions(age_rule="year")))
    assert [sample.age for sample in samples] == [30, 30, 0]


def test_gender_may_be_unknown(imdb):
    samples, _ = sort_out(read_imdb(imdb, ImdbWikiOptions(gender_required=False)))
    assert {sample.image[:2]: sample.gender for sample in samples}["05"] is None
    assert all(sample.gender == 1 for sample in samples if sample.image[:2] != "05")


def test_identity_is_the_number_of_the_person(imdb):
    samples, _ = sort_out(read_imdb(imdb))
    assert [sample.identity for sample in samples] == ["nm0000000", "nm0000001", "nm0000008"]


def test_the_box_is_of_the_whole_photo_not_of_the_crop(tmp_path):
    save(tmp_path / "wiki_crop/wiki.mat", "wiki", [row(0)])
    save(tmp_path / "wiki/wiki.mat", "wiki", [row(0)])
    (crop,), _ = sort_out(read_wiki(tmp_path))
    (full,), _ = sort_out(read_wiki(tmp_path, ImdbWikiOptions(images="full")))
    assert (crop.image.split("/")[0], crop.box) == ("wiki_crop", None)
    assert (full.image.split("/")[0], full.box) == ("wiki", (10, 20, 110, 220))  # from MATLAB's first pixel 1 to 0


def test_what_is_not_the_table_is_the_users_mistake(tmp_path, imdb):
    with pytest.raises(UserError, match=r"has no wiki\.mat"):
        list(read_wiki(tmp_path))
    imdb.joinpath("wiki.mat").write_bytes(imdb.joinpath("imdb.mat").read_bytes())
    with pytest.raises(UserError, match="not the table of the wiki set"):
        list(read_wiki(imdb))
    imdb.joinpath("wiki.mat").write_bytes(b"no table" * 99)
    with pytest.raises(UserError, match="not the table of the wiki set"):
        list(read_wiki(imdb))
