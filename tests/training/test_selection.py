"""Selection: exact quantiles, any subset of the selectors, fallbacks."""

import itertools
import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from faceray.training.density import density
from faceray.training.distribution import distribution_weights
from faceray.training.selection import Selection, keep, sample_weights

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(60, 3, generator=GENERATOR) * 2
FEATURES = torch.randn(60, 4, generator=GENERATOR)
LABELLED = torch.randn(40, 4, generator=GENERATOR)


@pytest.mark.parametrize(("n", "kept"), [(10, 2), (11, 3), (100, 20), (1, 1), (0, 0)])
def test_a_quantile_of_80_percent_keeps_20_percent_rounded_up(n: int, kept: int):
    assert keep(torch.rand(n) + 0.1, 0.8).sum() == kept


@given(st.integers(0, 100), st.integers(0, 300))
def test_quantiles_count_as_they_are_written(percent: int, n: int):
    expected = math.ceil(Fraction(100 - percent, 100) * n)
    assert keep(torch.ones(n), percent / 100).sum() == expected


def test_the_largest_weights_are_kept_and_never_zeros():
    assert keep(torch.tensor([0.1, 0.9, 0.9, 0.3]), 0.5).tolist() == [False, True, True, False]
    assert keep(torch.tensor([0.5, 0.5, 0.5, 0.5]), 0.5).tolist() == [True, True, False, False]
    assert keep(torch.tensor([0.0, 0.0, 1.0, 0.0]), 0.0).tolist() == [False, False, True, False]


def test_confidence_is_the_largest_probability():
    found = sample_weights(Selection(("confidence",)), LOGITS)
    best = LOGITS.softmax(1).max(1).values
    torch.testing.assert_close(found, best / best.max())


@pytest.mark.parametrize(
    "selectors",
    [s for r in (1, 2, 3) for s in itertools.combinations(("confidence", "density", "distribution"), r)],
)
def test_any_subset_is_the_product_of_its_parts(selectors):
    parts = {
        "confidence": LOGITS.softmax(1).max(1).values,
        "density": density(FEATURES, LOGITS.argmax(1), 0.6),
        "distribution": distribution_weights(FEATURES, LABELLED, 4, 0),
    }
    expected = torch.stack([parts[name] for name in selectors]).prod(0)
    found = sample_weights(Selection(selectors), LOGITS, FEATURES, LABELLED)
    torch.testing.assert_close(found, expected / expected.max())
    assert found.max() == 1


def test_no_selector_gives_no_weights():
    assert sample_weights(Selection(()), LOGITS) is None


def test_features_that_a_selector_needs_are_asked_for():
    with pytest.raises(ValueError, match="density needs features"):
        sample_weights(Selection(("density",)), LOGITS)
    with pytest.raises(ValueError, match="labelled samples"):
        sample_weights(Selection(("distribution",)), LOGITS, FEATURES)


def test_nobody_to_select():
    found = sample_weights(Selection(("confidence", "density", "distribution")), LOGITS[:0], FEATURES[:0], LABELLED)
    assert found.shape == (0,)


def test_a_single_sample_weighs_1():
    found = sample_weights(
        Selection(("confidence", "density", "distribution")), LOGITS[:1], FEATURES[:1], LABELLED[:0]
    )
    assert found.tolist() == [1]
