"""Age codecs: hand-worked values, round trips, ages at and beyond the ends."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nan

from faceray.training.codecs import (
    TWO_POINT,
    AgeBins,
    age_group,
    decode_ordinal,
    encode_ordinal,
)


def test_32_is_four_fifths_of_bin_3_and_a_fifth_of_bin_4():
    expected = torch.zeros(12)
    expected[3], expected[4] = 0.8, 0.2
    torch.testing.assert_close(TWO_POINT.encode(torch.tensor([32.0]))[0], expected)


@given(st.lists(st.floats(0, 110), min_size=1), st.sampled_from([TWO_POINT, AgeBins(221, 0.5), AgeBins(111)]))
def test_bins_round_trip(ages: list[float], bins: AgeBins):
    age = torch.tensor(ages)
    target = bins.encode(age)
    torch.testing.assert_close(target.sum(1), torch.ones(len(ages)))
    assert (target >= 0).all()
    assert ((target > 0).sum(1) <= 2).all()
    torch.testing.assert_close(bins.decode(target), age, atol=1e-3, rtol=1e-5)


def test_a_whole_year_is_one_hot_in_101_bins():
    assert torch.equal(AgeBins().encode(torch.arange(101.0)), torch.eye(101))


def test_ages_beyond_the_last_bin_keep_their_mass():
    target = TWO_POINT.encode(torch.tensor([110.0, 116.0]))
    assert target[:, 11].tolist() == [1, 1]
    assert AgeBins().decode(AgeBins().encode(torch.tensor([116.0]))).item() == 100


def test_ordinal_ages_round_trip_from_0_to_100():
    age = torch.arange(101.0)
    bits = encode_ordinal(age)
    assert bits.shape == (101, 100)
    assert bits[0].sum() == 0
    assert bits[100].sum() == 100
    assert bits[32].tolist() == [1.0] * 32 + [0.0] * 68
    assert torch.equal(decode_ordinal(bits), age)


def test_ordinal_ages_count_finished_years_and_wrong_bits_cost_one_year():
    assert encode_ordinal(torch.tensor([32.9])).sum() == 32
    probabilities = encode_ordinal(torch.tensor([32.0])) * 0.8 + 0.1
    probabilities[0, 5], probabilities[0, 80] = 0.2, 0.7
    assert decode_ordinal(probabilities).item() == 32
    probabilities[0, 81] = 0.7
    assert decode_ordinal(probabilities).item() == 33


def test_age_groups_of_adience():
    ages = torch.tensor([0, 2.9, 4, 8, 15, 25, 38, 48, 60, 116])
    assert age_group(ages).tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7, 7]


def test_ages_between_groups_go_to_the_nearest_or_nowhere():
    ages = torch.tensor([3.0, 14, 24, 33, 37, 59])
    assert age_group(ages).tolist() == [0, 2, 4, 4, 5, 7]
    assert age_group(ages, gaps="drop").isnan().all()


@pytest.mark.parametrize("encode", [TWO_POINT.encode, AgeBins().encode, encode_ordinal])
def test_unknown_ages_give_rows_of_nan(encode):
    target = encode(torch.tensor([30.0, nan]))
    assert target[0].isfinite().all()
    assert target[1].isnan().all()
    assert encode(torch.zeros(0)).shape[0] == 0


@pytest.mark.parametrize("encode", [TWO_POINT.encode, encode_ordinal, age_group])
@pytest.mark.parametrize("age", [-1.0, float("inf")])
def test_ages_that_cannot_be_are_refused(encode, age: float):
    with pytest.raises(ValueError, match="ages are years"):
        encode(torch.tensor([20.0, age]))


def test_unknown_ages_have_no_group():
    assert age_group(torch.tensor([nan, 5.0])).isnan().tolist() == [True, False]


def test_bins_need_a_width():
    with pytest.raises(ValueError, match="positive width"):
        AgeBins(10, 0)
