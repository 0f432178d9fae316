"""UTKFace: the file name is the label, and its 0 is male."""

import pytest

from faceray.datasets.utkface import read_utkface
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch

DATE = "20170109150557335.jpg.chip.jpg"


def test_gender_is_turned_round(tmp_path):
    touch(tmp_path, f"26_0_1_{DATE}", f"30_1_4_{DATE}")
    (man, woman), _ = sort_out(read_utkface(tmp_path))
    assert (man.age, man.gender, man.race) == (26, 1, "Black")
    assert (woman.age, woman.gender, woman.race) == (30, 0, "Other")


def test_names_without_a_race_are_dropped_not_guessed(tmp_path):
    touch(tmp_path, f"39_1_{DATE}", f"61_3_{DATE}")  # the second lacks the gender, by the look of it
    samples, dropped = sort_out(read_utkface(tmp_path))
    assert not samples
    assert reasons(dropped) == {"race or gender is missing in the name": 2}


def test_names_of_the_images_in_the_wild(tmp_path):
    touch(tmp_path, "part2/24_0_1_20170116220224657 .jpg", "part1/1_0_2_20161219162431598.jpg", "part1/notes.txt")
    touch(tmp_path, "part3/25_3_0_20170116220224657.jpg", "part3/25__0_20170116220224657.jpg", "part3/x.jpg")
    touch(tmp_path, "part3/25_0_7_20170116220224657.jpg")
    samples, dropped = sort_out(read_utkface(tmp_path))
    assert [(sample.image.split("/")[0], sample.age) for sample in samples] == [("part1", 1), ("part2", 24)]
    assert reasons(dropped) == {
        "gender is neither 0 nor 1": 2,
        "race is not from 0 to 4": 1,
        "name is not age_gender_race_date": 1,
    }


def test_a_missing_folder_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="not a folder"):
        list(read_utkface(tmp_path / "absent"))


def test_real_counts(data):
    samples, dropped = sort_out(read_utkface(data / "utkface"))
    assert (len(samples), reasons(dropped)) == (11_000, {"race or gender is missing in the name": 3})
    assert sum(sample.gender for sample in samples) == 5_777  # names with 0 in the second place
    assert sum(sample.age for sample in samples) == 365_475
    races = [sample.race for sample in samples]
    assert [races.count(race) for race in ("White", "Black", "Asian", "Indian", "Other")] == [
        4648,
        2110,
        1619,
        1842,
        781,
    ]
    images = [sample.image for sample in samples]
    assert images == sorted(images)
    assert all((data / "utkface" / image).exists() for image in images[::100])
