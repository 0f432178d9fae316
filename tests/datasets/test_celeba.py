"""CelebA: attributes as numbers whatever the spacing, beard as the contrary of No_Beard."""

import pytest

from faceray.datasets.celeba import CelebaOptions, read_celeba
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch, write

NAMES = ("Eyeglasses", "Male", "Mustache", "No_Beard", "Smiling", "Wearing_Hat", "Young")
BEARDED = (-1, 1, 1, -1, 1, -1, 1)
BEARDLESS = (1, -1, -1, 1, -1, 1, -1)
HEADER = f"2\n{' '.join(NAMES)} \n"


def spaced(name, values):
    """As published: numbers in columns of two."""
    return f"{name} " + " ".join(f"{value:2d}" for value in values) + "\n"


def single_spaced(name, values):
    return f"{name} " + " ".join(map(str, values)) + "\n"


def make(root, text, folder="", images="img_align_celeba"):
    write(root, f"{folder}list_attr_celeba.txt", text)
    touch(root, f"{images}/000001.jpg")


@pytest.mark.parametrize("line", [spaced, single_spaced])
def test_beard_is_the_contrary_of_no_beard_in_both_spacings(tmp_path, line):
    make(tmp_path, HEADER + line("000001.jpg", BEARDED) + line("000002.jpg", BEARDLESS))
    (bearded, beardless), _ = sort_out(read_celeba(tmp_path))
    assert bearded.attributes["beard"]
    assert not bearded.attributes["No_Beard"]
    assert not beardless.attributes["beard"]
    assert beardless.attributes["No_Beard"]


def test_all_names_of_attributes(tmp_path):
    make(tmp_path, HEADER + spaced("000001.jpg", BEARDED))
    (sample,), _ = sort_out(read_celeba(tmp_path))
    ours = {"smile": True, "eyeglasses": False, "beard": True, "mustache": True, "hat": False}
    assert sample.attributes == dict(zip(NAMES, (value > 0 for value in BEARDED), strict=True)) | ours
    assert (sample.image, sample.gender, sample.identity, sample.split) == (
        "img_align_celeba/000001.jpg",
        1,
        None,
        None,
    )


def test_the_published_folders_with_identities_splits_and_landmarks(tmp_path):
    lines = "".join(spaced(f"00000{number}.jpg", BEARDLESS) for number in (1, 2, 3, 4))
    make(tmp_path, HEADER + lines, "Anno/", "Img/img_align_celeba")
    write(tmp_path, "Anno/identity_CelebA.txt", "000001.jpg 2880\n000002.jpg 2937\n000003.jpg 2880\n")
    write(tmp_path, "Eval/list_eval_partition.txt", "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n")
    names = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
    columns = " ".join(f"{name}_{axis}" for name in names for axis in "xy")
    points = "000001.jpg 69  109  106  113   77  142   73  152  108  154\n"
    write(tmp_path, "Anno/list_landmarks_align_celeba.txt", f"4\n{columns}\n{points}")
    samples, _ = sort_out(read_celeba(tmp_path))
    assert [(sample.identity, sample.split) for sample in samples] == [
        ("2880", "train"),
        ("2937", "val"),
        ("2880", "test"),
        (None, None),
    ]
    assert samples[0].image == "Img/img_align_celeba/000001.jpg"
    assert samples[0].landmarks == {
        "left_eye": (69, 109),
        "right_eye": (106, 113),
        "nose": (77, 142),
        "mouth_left": (73, 152),
        "mouth_right": (108, 154),
    }
    assert samples[1].landmarks is None


def test_boxes_are_of_the_photos_in_the_wild(tmp_path):
    make(tmp_path, HEADER + spaced("000001.jpg", BEARDED) + spaced("000002.jpg", BEARDED), images="img_celeba")
    boxes = "2\nimage_id x_1 y_1 width height\n000001.jpg    95  71 226 313\n000002.jpg  0  0  0  0\n"
    write(tmp_path, "list_bbox_celeba.txt", boxes)
    touch(tmp_path, "img_align_celeba_png/000001.png")
    wild, _ = sort_out(read_celeba(tmp_path, CelebaOptions(images="wild")))
    aligned, _ = sort_out(read_celeba(tmp_path, CelebaOptions(images="aligned_png")))
    assert [(sample.image, sample.box) for sample in wild] == [
        ("img_celeba/000001.jpg", (95, 71, 321, 384)),
        ("img_celeba/000002.jpg", None),
    ]
    assert [(sample.image, sample.box) for sample in aligned] == [
        ("img_align_celeba_png/000001.png", None),
        ("img_align_celeba_png/000002.png", None),
    ]


def test_tables_as_csv(tmp_path):
    header = ",".join(("image_id", *NAMES)) + "\n"
    write(tmp_path, "list_attr_celeba.csv", header + ",".join(("000001.jpg", *map(str, BEARDED))) + "\n")
    write(tmp_path, "list_eval_partition.csv", "image_id,partition\n000001.jpg,2\n")
    touch(tmp_path, "img_align_celeba/img_align_celeba/000001.jpg")
    (sample,), _ = sort_out(read_celeba(tmp_path))
    assert sample.image == "img_align_celeba/img_align_celeba/000001.jpg"
    assert (sample.attributes["beard"], sample.attributes["Young"], sample.split) == (True, True, "test")


def test_bad_rows_are_dropped_and_bad_tables_refused(tmp_path):
    rows = single_spaced("000001.jpg", BEARDED[:-1]) + "000002.jpg 1 1 1 1 yes 1 1\n"
    make(tmp_path, HEADER + rows)
    samples, dropped = sort_out(read_celeba(tmp_path))
    assert not samples
    assert reasons(dropped) == {"row is not one integer for each attribute": 2}
    write(tmp_path, "identity_CelebA.txt", "000001.jpg 1 2\n")
    with pytest.raises(UserError, match=r"identity_CelebA\.txt must have 1 integers"):
        list(read_celeba(tmp_path))
    write(tmp_path, "identity_CelebA.txt", "000001.jpg nobody\n")
    with pytest.raises(UserError, match=r"identity_CelebA\.txt has more than integers"):
        list(read_celeba(tmp_path))
    (tmp_path / "identity_CelebA.txt").unlink()
    make(tmp_path, "1\nMale Young\n000001.jpg 1 1\n")
    with pytest.raises(UserError, match="has no attribute Eyeglasses"):
        list(read_celeba(tmp_path))


def test_real_counts(data):
    samples, dropped = sort_out(read_celeba(data / "celeba"))
    assert (len(samples), dropped) == (10_000, [])
    assert sum(sample.gender for sample in samples) == 4_217
    counts = {"smile": 4_822, "eyeglasses": 674, "mustache": 374, "beard": 10_000 - 8_335, "hat": 483}
    for name, count in counts.items():
        assert sum(sample.attributes[name] for sample in samples) == count
    assert len({sample.identity for sample in samples}) == 5_429
    assert len(samples[0].attributes) == 40 + len(counts)
    assert all((data / "celeba" / sample.image).exists() for sample in samples[::100])
