"""Agreement of partitions: by hand, by brute force, and what holds for any two."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.evaluation.clustering import agreement

PARTITIONS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(*(st.lists(st.integers(0, 4), min_size=n, max_size=n).map(np.array) for _ in range(2)))
)


def test_a_small_case_by_hand() -> None:
    result = agreement(np.array([0, 0, 0, 1, 1]), np.array([7, 7, 8, 8, 8]))
    assert (result.pairwise.precision, result.pairwise.recall) == (2 / 4, 2 / 4)
    assert result.bcubed.precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5)
    assert result.bcubed.recall == pytest.approx((1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5)
    assert result.pairwise.f == 0.5


@given(PARTITIONS)
def test_pairs_and_bcubed_are_what_their_definitions_say(both: tuple[np.ndarray, np.ndarray]) -> None:
    found, truth = both
    result = agreement(found, truth)
    together, belong = found[:, None] == found, truth[:, None] == truth
    assert result.bcubed.precision == pytest.approx(((together & belong).sum(1) / together.sum(1)).mean())
    assert result.bcubed.recall == pytest.approx(((together & belong).sum(1) / belong.sum(1)).mean())
    upper = np.triu_indices(len(found), 1)
    pairs = together[upper], belong[upper]
    right = (pairs[0] & pairs[1]).sum()
    assert result.pairwise.precision == pytest.approx(right / pairs[0].sum() if pairs[0].any() else 1)
    assert result.pairwise.recall == pytest.approx(right / pairs[1].sum() if pairs[1].any() else 1)


@given(PARTITIONS)
def test_names_do_not_matter_and_the_truth_agrees_with_itself(both: tuple[np.ndarray, np.ndarray]) -> None:
    found, truth = both
    renamed, result = agreement(100 - 3 * found, truth + 5), agreement(found, truth)
    assert renamed.pairwise == result.pairwise
    assert (renamed.bcubed.f, renamed.nmi) == pytest.approx((result.bcubed.f, result.nmi))
    perfect = agreement(truth, truth)
    assert (perfect.pairwise.f, perfect.bcubed.f, perfect.nmi) == pytest.approx((1, 1, 1))
    assert 0 <= result.nmi <= 1
    swapped = agreement(truth, found)
    assert swapped.nmi == pytest.approx(result.nmi)
    assert swapped.pairwise.precision == result.pairwise.recall


def test_independent_partitions_share_no_information() -> None:
    assert agreement(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])).nmi == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("found", "truth"), [([], []), ([1], [1, 2])])
def test_there_must_be_items_and_two_labels_for_each(found: list[int], truth: list[int]) -> None:
    with pytest.raises(ValueError, match="two labels"):
        agreement(np.array(found), np.array(truth))
