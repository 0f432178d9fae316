"""Ages as targets: bins, ranges as mixtures, ordinal bits, groups, numbers; figures by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nan

from faceray.training.codecs import TWO_POINT, AgeBins
from faceray.training.objectives.age import OLDEST, AgeDistribution, AgeGroups, AgeOrdinal, AgeYears
from tests.training.objectives.labels import labels

FAIRFACE = [(0, 2), (3, 9), (10, 19), (20, 29), (30, 39), (40, 49), (50, 59), (60, 69)]


def ranged(low: float, high: float) -> dict[str, float | None]:
    """As `label_row` writes a range."""
    return {"age": (low + high) / 2 if high < 200 else None, "age_low": low, "age_high": high}


def sure_of(index: list[int], outputs: int) -> torch.Tensor:
    """Logits that leave no doubt."""
    return 100 * torch.nn.functional.one_hot(torch.tensor(index), outputs).float()


def test_a_year_is_one_hot_and_two_points_share_what_lies_between() -> None:
    assert AgeDistribution().encode(labels({"age": 33.0}))[0].argmax() == 33
    two = AgeDistribution(bins=TWO_POINT).encode(labels({"age": 32.0}))[0]
    assert two[3:5].tolist() == pytest.approx([0.8, 0.2])


@pytest.mark.parametrize(("low", "high"), FAIRFACE)
def test_a_range_is_the_even_mixture_of_its_years(low: int, high: int) -> None:
    target = AgeDistribution().encode(labels(ranged(low, high), {"age": 5.0}, ranged(low, high)))
    expected = torch.zeros(101)
    expected[low : high + 1] = 1 / (high - low + 1)
    torch.testing.assert_close(target[0], expected)
    torch.testing.assert_close(target[2], expected)
    assert target[1].argmax() == 5


def test_a_range_over_two_point_bins_by_hand() -> None:
    # 0, 1, 2 years: 1, 0.9 and 0.8 in the bin of 0, the rest in the bin of 10
    target = AgeDistribution(bins=TWO_POINT).encode(labels(ranged(0, 2)))[0]
    assert target[:2].tolist() == pytest.approx([0.9, 0.1])


@pytest.mark.parametrize("high", [math.inf, 200.0, 120.0])
def test_more_than_70_ends_at_90(high: float) -> None:
    target = AgeDistribution().encode(labels(ranged(70, high)))[0]
    assert target[70:91].tolist() == pytest.approx([1 / 21] * 21)
    assert target.sum().item() == pytest.approx(1)
    assert OLDEST == 90


@given(
    st.lists(st.one_of(st.none(), st.floats(-1, 120), st.tuples(st.integers(0, 110), st.integers(0, 30))), max_size=8),
    st.sampled_from([AgeBins(), TWO_POINT, AgeBins(23, 5)]),
)
def test_targets_are_distributions_or_not_there(ages: list[float | tuple[int, int] | None], bins: AgeBins) -> None:
    rows = [{} if a is None else ranged(a[0], a[0] + a[1]) if isinstance(a, tuple) else {"age": a} for a in ages]
    target = AgeDistribution(bins=bins).encode(labels(*rows))
    assert target.shape == (len(ages), bins.count)
    for row, age in zip(target, ages, strict=True):
        if age is None:
            assert row.isnan().all()
        else:
            assert row.sum().item() == pytest.approx(1, abs=1e-5)
            assert (row >= 0).all()


def test_ranges_teach_but_do_not_count() -> None:
    rows = labels({"age": 30.0}, ranged(20, 29), {})
    for objective in (AgeDistribution(), AgeOrdinal(), AgeYears()):
        torch.testing.assert_close(objective.truth(rows), torch.tensor([30.0, nan, nan]), equal_nan=True)
    assert AgeYears().encode(rows)[1] == 24.5
    assert AgeOrdinal().encode(rows)[1].sum() == 24


def test_figures_of_ages() -> None:
    truth = torch.tensor([33.0, 40.0, 20.0, nan])
    found = AgeDistribution().figures(sure_of([30, 44, 20, 99], 101), truth)
    assert found == pytest.approx({"mae": 7 / 3, "ca3": 2 / 3, "ca5": 1.0})
    assert AgeYears().figures(torch.tensor([[30.0], [44.0], [20.0], [99.0]]), truth) == pytest.approx(found)
    bits = torch.where(torch.arange(100) < torch.tensor([[30], [44], [20], [99]]), 5.0, -5.0)
    assert AgeOrdinal().figures(bits, truth) == pytest.approx(found)


def test_the_answer_of_a_distribution_is_its_mean() -> None:
    even = torch.full((1, 12), -100.0)
    even[0, 2:4] = 0.0
    assert AgeDistribution(bins=TWO_POINT).figures(even, torch.tensor([25.0]))["mae"] == pytest.approx(0, abs=1e-4)


def test_losses_of_distributions_by_hand() -> None:
    target = AgeDistribution(bins=AgeBins(3, 10)).encode(labels({"age": 5.0}))  # half of 0, half of 10
    even = torch.zeros(1, 3)
    cross_entropy = AgeDistribution(bins=AgeBins(3, 10)).loss(even, target)
    assert cross_entropy.tolist() == pytest.approx([math.log(3)])
    kl = AgeDistribution(bins=AgeBins(3, 10), criterion="kl").loss(even, target)
    assert kl.tolist() == pytest.approx([math.log(3) - math.log(2)])
    with_mean = AgeDistribution(bins=AgeBins(3, 10), mean_error=0.1).loss(even, target)
    assert (with_mean - cross_entropy).tolist() == pytest.approx([0.1 * 5.0], rel=1e-4)  # the mean is 10, 5 years off


def test_the_focal_loss_weighs_rare_bins_more() -> None:
    objective = AgeDistribution(bins=AgeBins(3, 10), criterion="focal")
    fitted = objective.fitted(labels(*[{"age": 0.0}] * 3, {"age": 20.0}, {}))
    assert fitted.focal.class_weights == pytest.approx((4 / (2 * 3), 0.0, 4 / (2 * 1)))
    assert fitted.fitted(labels({"age": 10.0})) == fitted  # counted once
    assert AgeDistribution().fitted(labels({"age": 10.0})) == AgeDistribution()


def test_ordinal_bits() -> None:
    target = AgeOrdinal().encode(labels({"age": 3.0}, {"age": -2.0}, {"age": 130.0}))
    assert target.shape == (3, 100)
    assert target.sum(1).tolist() == [3, 0, 100]
    assert target[0, :4].tolist() == [1, 1, 1, 0]


def test_adience_groups() -> None:
    objective = AgeGroups()
    rows = labels(ranged(25, 32), {"age": 3.0}, {"age": 23.0}, ranged(60, 100), {})
    assert objective.encode(rows)[:4].argmax(1).tolist() == [4, 0, 4, 7]  # 3 lies between two groups, as 23 does
    assert AgeGroups(gaps="drop").encode(rows).isnan().all(1).tolist() == [False, True, True, False, True]


def test_figures_of_groups() -> None:
    truth = torch.tensor([28.0, 40.0, 70.0, nan])  # groups 4, 5, 7
    found = AgeGroups().figures(sure_of([4, 4, 0, 1], 8), truth)
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["off_by_1"] == pytest.approx(2 / 3)
    assert found["mae"] == pytest.approx((0.5 + 11.5 + 69) / 3)  # the groups' middles are 28.5, 28.5 and 1


def test_the_gaussian_loss_goes_from_square_to_bounded() -> None:
    objective = AgeYears(criterion="gaussian", anneal_steps=100)
    output, target = torch.tensor([[36.0]]), torch.tensor([30.0])
    assert objective.at(0).loss(output, target).item() == pytest.approx(18)
    assert objective.at(50).loss(output, target).item() == pytest.approx(9 + 0.5 * (1 - math.exp(-2)))
    assert objective.at(200).loss(output, target).item() == pytest.approx(1 - math.exp(-2))
    assert AgeYears().at(50) == AgeYears()


@pytest.mark.parametrize(
    ("criterion", "loss"), [("absolute", 6), ("squared", 36), ("dead_zone", 36 - 1.5**2), ("relative", 36 / 5)]
)
def test_losses_of_numbers(criterion: str, loss: float) -> None:
    objective = AgeYears(criterion=criterion)  # type: ignore[arg-type]
    assert objective.loss(torch.tensor([[31.0]]), torch.tensor([25.0])).item() == pytest.approx(loss)


def test_less_is_better_of_years_and_more_of_groups() -> None:
    assert not AgeDistribution().higher
    assert AgeGroups().higher
