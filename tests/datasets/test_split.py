from collections import Counter

import pytest

from faceray.datasets.sample import Sample
from faceray.datasets.split import Split
from faceray.errors import UserError


def people(count: int, photos: int = 3) -> list[Sample]:
    return [Sample(image=f"{p}/{i}.jpg", identity=f"person {p}") for p in range(count) for i in range(photos)]


@pytest.mark.parametrize(
    ("rule", "shares"), [("70/30", (0.7, 0, 0.3)), ("80/20", (0.8, 0, 0.2)), ("80/10/10", (0.8, 0.1, 0.1))]
)
def test_shares_are_those_asked_for(rule: str, shares: tuple[float, float, float]) -> None:
    parts = Counter(Split(rule).part(sample) for sample in people(4000, 1))
    for part, share in zip(("train", "val", "test"), shares, strict=True):
        assert parts[part] / 4000 == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("rule", ["80/10/10", "5-fold"])
def test_nobody_is_in_two_parts(rule: str) -> None:
    parts: dict[str | None, set[str]] = {}
    for sample in people(300):
        parts.setdefault(sample.identity, set()).add(Split(rule).part(sample))
    assert all(len(found) == 1 for found in parts.values())
    assert len({part for found in parts.values() for part in found}) > 1


def test_subject_counts_where_there_is_no_identity() -> None:
    samples = [Sample(image=f"{i}.jpg", subject="s1") for i in range(50)]
    assert len({Split("80/10/10").part(sample) for sample in samples}) == 1


def test_every_person_is_tested_once_over_the_folds() -> None:
    for sample in people(100, 1):
        assert [Split("4-fold", fold=f).part(sample) for f in range(4)].count("test") == 1


def test_same_seed_same_parts_another_seed_others() -> None:
    samples = people(500, 1)
    first, again, other = ([Split("80/20", seed).part(s) for s in samples] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_official_part_wins_and_the_rest_is_drawn() -> None:
    assert Split().part(Sample(image="a", split="test")) == "test"
    assert Split("80/20").part(Sample(image="a", split="val")) != "val"
    assert {Split().part(s) for s in people(200, 1)} == {"train", "val", "test"}


@pytest.mark.parametrize(("rule", "fold"), [("half", 0), ("1-fold", 0), ("5-fold", 5), ("-fold", 0)])
def test_unknown_rules_are_refused(rule: str, fold: int) -> None:
    with pytest.raises(UserError):
        Split(rule, fold=fold)
