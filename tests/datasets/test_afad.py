"""AFAD: age and gender are folders."""

from faceray.datasets.afad import read_afad
from tests.datasets.layout import reasons, sort_out, touch


def test_111_is_male_112_female(tmp_path):
    touch(tmp_path, "AFAD-Full/18/112/109941-0.jpg", "AFAD-Full/18/111/1-0.jpg", "AFAD-Full/75/111/2-1.jpg")
    samples, _ = sort_out(read_afad(tmp_path))
    assert [(sample.age, sample.gender, sample.race) for sample in samples] == [
        (18, 1, "Asian"),
        (18, 0, "Asian"),
        (75, 1, "Asian"),
    ]


def test_the_last_file_of_a_folder_is_there(tmp_path):  # one of the originals drops it
    touch(tmp_path, *(f"20/111/{number}-0.jpg" for number in range(3)), "20/111/Thumbs.db")
    assert [entry.image for entry in read_afad(tmp_path)] == [f"20/111/{number}-0.jpg" for number in range(3)]


def test_other_folders_are_dropped(tmp_path):
    touch(tmp_path, "x.jpg", "111/x.jpg", "20/113/x.jpg", "twenty/111/x.jpg")
    samples, dropped = sort_out(read_afad(tmp_path))
    assert not samples
    assert reasons(dropped) == {"folders are not age/111 or age/112": 4}
