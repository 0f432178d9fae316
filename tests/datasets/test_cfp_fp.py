"""CFP: two lists of images, and pairs of their numbers in ten folds."""

from pathlib import Path

import pytest

from faceray.datasets.cfp_fp import CfpOptions, cfp_pairs, read_cfp_fp
from faceray.errors import UserError
from tests.datasets.layout import reasons, sort_out, touch, write

PEOPLE = 10  # one in each fold


def make(root: Path) -> None:
    frontal, profile = [], []
    for person in range(1, PEOPLE + 1):
        frontal += [f"Data/Images/{person:03d}/frontal/{n:02d}.jpg" for n in (1, 2)]
        profile += [f"Data/Images/{person:03d}/profile/{n:02d}.jpg" for n in (1, 2)]
    touch(root, *frontal, *profile)
    for letter, images in (("F", frontal), ("P", profile)):
        lines = "".join(f"{number} ../{image}\n" for number, image in enumerate(images, start=1))
        write(root, f"Protocol/Pair_list_{letter}.txt", lines)
    for fold in range(1, 11):
        own, next_one = 2 * fold - 1, 2 * fold % 20 + 1
        for protocol in ("FF", "FP"):
            write(root, f"Protocol/Split/{protocol}/{fold:02d}/same.txt", f"{own},{own + 1}\n")
            write(root, f"Protocol/Split/{protocol}/{fold:02d}/diff.txt", f"{own},{own}\n" if protocol == "FP" else "")
        write(root, f"Protocol/Split/FF/{fold:02d}/diff.txt", f"{own},{next_one}\n")


def test_images_of_both_lists(tmp_path: Path):
    make(tmp_path)
    samples, dropped = sort_out(read_cfp_fp(tmp_path))
    assert not dropped
    assert len(samples) == 4 * PEOPLE
    assert samples[0].image == "Data/Images/001/frontal/01.jpg"
    assert [s.attributes["profile"] for s in samples] == [False] * 2 * PEOPLE + [True] * 2 * PEOPLE
    assert (samples[2].identity, samples[2].pair_fold) == ("002", 1)
    assert samples[3].pair_fold is None  # no pair has it
    assert samples[-1].pair_fold == 9


def test_pairs_are_frontal_and_profile(tmp_path: Path):
    make(tmp_path)
    pairs = cfp_pairs(tmp_path)
    assert pairs.first[:2] == ("Data/Images/001/frontal/01.jpg", "Data/Images/001/frontal/01.jpg")
    assert pairs.second[:2] == ("Data/Images/001/profile/02.jpg", "Data/Images/001/profile/01.jpg")
    assert pairs.same.tolist() == [True, False] * 10
    assert pairs.fold.tolist() == [fold for fold in range(10) for _ in range(2)]


def test_pairs_of_two_frontal_images(tmp_path: Path):
    make(tmp_path)
    pairs = cfp_pairs(tmp_path, CfpOptions(protocol="FF"))
    assert pairs.second[:2] == ("Data/Images/001/frontal/02.jpg", "Data/Images/002/frontal/01.jpg")


def test_absent_images_are_dropped(tmp_path: Path):
    make(tmp_path)
    (tmp_path / "Data/Images/003/profile/02.jpg").unlink()
    _, dropped = sort_out(read_cfp_fp(tmp_path))
    assert reasons(dropped) == {"no such file": 1}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("Pair_list_F.txt", "1 ../Data/a.jpg\n2\n", r"Pair_list_F\.txt, line 2: not a number and the path"),
        ("Pair_list_P.txt", "1 ../../../etc/passwd\n", "line 1: not a number and the path"),
        ("Split/FP/04/same.txt", "1,2\n\n1,99\n", r"same\.txt, line 3: not the numbers of two images"),
        ("Split/FP/04/diff.txt", "1 2\n", r"diff\.txt, line 1: not the numbers"),
    ],
)
def test_damage_is_named(tmp_path: Path, file: str, text: str, message: str):
    make(tmp_path)
    write(tmp_path / "Protocol", file, text)
    with pytest.raises(UserError, match=message):
        list(read_cfp_fp(tmp_path))


def test_a_fold_is_absent(tmp_path: Path):
    make(tmp_path)
    (tmp_path / "Protocol/Split/FP/10/same.txt").unlink()
    with pytest.raises(UserError, match=r"cannot read .*same\.txt"):
        list(read_cfp_fp(tmp_path))
