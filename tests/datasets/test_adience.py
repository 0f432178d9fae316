"""Adience: tab-separated folds, ages as ranges."""

import pytest

from faceray.datasets.adience import AGE_GROUPS, AdienceOptions, parse_age, read_adience
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, write

HEADER = "user_id\toriginal_image\tface_id\tage\tgender\tx\ty\tdx\tdy\ttilt_ang\tfiducial_yaw_angle\tfiducial_score\n"


def row(user, number, age, gender):
    return f"{user}\t{number}_o.jpg\t{number}\t{age}\t{gender}\t0\t0\t900\t900\t-115\t30\t17\n"


def make(root, rows_of_fold, folder=""):
    for fold in range(5):
        write(root, f"{folder}fold_{fold}_data.txt", HEADER + "".join(rows_of_fold.get(fold, [])))


def test_ranges_genders_folds_and_albums(tmp_path):
    make(tmp_path, {0: [row("30@N03", 1, "(25, 32)", "f")], 4: [row("7@N06", 2, "(60, 100)", "m")]})
    (first, second), _ = sort_out(read_adience(tmp_path))
    assert first.image == "faces/30@N03/coarse_tilt_aligned_face.1.1_o.jpg"
    assert (first.age, first.age_range, first.gender, first.fold, first.subject) == (None, (25, 32), 0, 0, "30@N03")
    assert (second.age_range, second.gender, second.fold) == ((60, 100), 1, 4)


def test_a_space_inside_the_age_does_not_shift_the_columns(tmp_path):
    make(tmp_path, {0: [row("30@N03", 1, "(0, 2)", "m")]})
    (sample,), _ = sort_out(read_adience(tmp_path))
    assert (sample.age_range, sample.gender) == ((0, 2), 1)


@pytest.mark.parametrize(("low", "high"), AGE_GROUPS)
def test_the_eight_groups_stay(low, high):
    assert parse_age(f"({low}, {high})") == (low, high)


@pytest.mark.parametrize(
    ("text", "age"),
    [("(8, 23)", (8, 12)), ("(27, 32)", (25, 32)), ("(38, 42)", (38, 43)), ("(38, 48)", (38, 43)), ("35", 35.0)],
)
def test_misspelt_groups_and_single_ages(text, age):
    assert parse_age(text) == age


def test_missing_labels(tmp_path):
    rows = [row("a", 1, "None", "f"), row("a", 2, "35", "u"), row("a", 3, "None", ""), row("a", 4, "(4, 6)", "")]
    make(tmp_path, {2: rows}, folder="labels_list/")
    samples, dropped = sort_out(read_adience(tmp_path, AdienceOptions(images="aligned")))
    assert [(s.age, s.age_range, s.gender) for s in samples] == [
        (None, None, 0),
        (35, None, None),
        (None, (4, 6), None),
    ]
    assert samples[0].image == "aligned/a/landmark_aligned_face.1.1_o.jpg"
    assert reasons(dropped) == {"neither age nor gender": 1}


def test_every_face_comes_once(tmp_path):  # one of the originals lists each twice, as face and as no face
    make(tmp_path, {fold: [row("a", fold, "(4, 6)", "f")] for fold in range(5)})
    samples, _ = sort_out(read_adience(tmp_path))
    assert len({sample.image for sample in samples}) == len(samples) == 5
    assert all(sample.is_face for sample in samples)


def test_a_missing_fold_is_the_users_mistake(tmp_path):
    write(tmp_path, "fold_0_data.txt", HEADER)
    with pytest.raises(UserError, match=r"fold_1_data\.txt"):
        list(read_adience(tmp_path))
