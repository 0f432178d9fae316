"""LFW's protocol: hand-worked accuracies, curves and the pairs file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.datasets.pairs import Pairs, read_pairs
from faceray.errors import UserError
from faceray.evaluation.verification import best_threshold, cosine_scores, roc, verify

PAIRS_FILE = """2\t2
Ann\t1\t2
Ann\t3\t12
Ann\t1\tBob\t2
Bob\t1\tCarl_Junior\t1
Dora\t1\t4
Dora\t2\t4
Dora\t1\tEve\t1
Eve\t1\tFritz\t1234
"""


def pairs_of(same: list[bool], fold: list[int]) -> Pairs:
    """Pairs of photos called a0-b0, a1-b1, …"""
    n = range(len(same))
    return Pairs(tuple(f"a{i}" for i in n), tuple(f"b{i}" for i in n), np.array(same), np.array(fold))


def test_read_pairs(tmp_path: Path):
    (tmp_path / "pairs.txt").write_text(PAIRS_FILE)
    pairs = read_pairs(tmp_path / "pairs.txt")
    assert pairs.first[:4] == ("Ann/Ann_0001.jpg", "Ann/Ann_0003.jpg", "Ann/Ann_0001.jpg", "Bob/Bob_0001.jpg")
    assert pairs.second[1:4] == ("Ann/Ann_0012.jpg", "Bob/Bob_0002.jpg", "Carl_Junior/Carl_Junior_0001.jpg")
    assert pairs.second[-1] == "Fritz/Fritz_1234.jpg"
    assert pairs.same.tolist() == [True, True, False, False] * 2
    assert pairs.fold.tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2\t2\n", "two\t2\n", "line 1: the numbers of folds and of pairs expected"),
        ("2\t2\n", "", "line 1"),
        ("2\t2\n", "2\t3\n", "12 pairs announced, 8 found"),
        ("Ann\t3\t12", "Ann\t3", "line 3: not a pair of one person"),
        ("Ann\t1\tBob\t2", "Ann\t1\t2", "line 4: not a pair of two people"),
        ("Dora\t1\t4", "Dora\t1\tx", "line 6: a photo's number expected"),
        (PAIRS_FILE, "", "line 1"),
    ],
)
def test_damaged_pairs_files_are_refused(tmp_path: Path, old: str, new: str, message: str):
    file = tmp_path / "pairs.txt"
    file.write_text(PAIRS_FILE.replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        read_pairs(file)


def test_missing_pairs_file(tmp_path: Path):
    with pytest.raises(UserError, match="cannot read the pairs of"):
        read_pairs(tmp_path / "pairs.txt")


def test_cosine_scores_by_hand():
    pairs = pairs_of([True, True, False, False, False, False], [0, 0, 0, 1, 1, 1])
    values = {
        "a0": [3, 4],
        "b0": [6, 8],  # parallel, of another length
        "a1": [1, 0],
        "b1": [1, 1],
        "a2": [1, 0],
        "b2": [-2, 0],
        "a3": [1, 0],  # b3 is absent
        "a4": [1, 0],
        "b4": [0, 0],
        "a5": [1, 0],
        "b5": [np.nan, 1],
    }
    embeddings = {name: np.array(value, np.float32) for name, value in values.items()}
    expected = [1, 0.5**0.5, -1, -np.inf, -np.inf, -np.inf]
    np.testing.assert_allclose(cosine_scores(embeddings, pairs), expected, rtol=1e-6)


def test_best_threshold_lies_in_the_middle_of_the_gap():
    assert best_threshold(np.array([0.9, 0.6, 0.2, 0.1]), np.array([True, True, False, False])) == pytest.approx(0.4)
    assert best_threshold(np.array([0.3, 0.4]), np.array([True, True])) == 0.3
    assert best_threshold(np.array([0.3, 0.4]), np.array([False, False])) == np.inf
    assert best_threshold(np.array([-np.inf, -np.inf]), np.array([True, False])) == np.inf


def test_each_fold_is_judged_with_the_threshold_of_the_others():
    # fold 0 separates at 0.5, fold 1 at 0.35: with the other one's threshold each gets one of four wrong
    scores = np.array([0.9, 0.6, 0.4, 0.1, 0.8, 0.45, 0.25, 0.2])
    pairs = pairs_of([True, True, False, False] * 2, [0] * 4 + [1] * 4)
    result = verify(scores, pairs)
    np.testing.assert_allclose(result.thresholds, [0.35, 0.5])
    np.testing.assert_allclose(result.accuracies, [0.75, 0.75])
    assert result.accuracy == 0.75
    assert result.accuracy_std == 0
    assert (result.pairs, result.pairs_missing) == (8, 0)


def test_accuracy_std_is_that_of_the_folds():
    scores = np.array([0.9, 0.1] * 3 + [0.1, 0.9])  # the last fold is the wrong way round
    result = verify(scores, pairs_of([True, False] * 4, [0, 0, 1, 1, 2, 2, 3, 3]))
    assert result.accuracies.tolist() == [1, 1, 1, 0]
    assert result.accuracy == 0.75
    assert result.accuracy_std == pytest.approx(np.sqrt(3 / 16))


def test_a_missing_pair_counts_as_different_people_at_every_threshold():
    same = [True, False, False] * 2
    result = verify(np.array([-np.inf, -np.inf, 0.1, 0.9, 0.2, 0.1]), pairs_of(same, [0, 0, 0, 1, 1, 1]))
    assert result.pairs_missing == 2
    # fold 0: the missing pair of one person is an error, the two of different people are right
    assert result.accuracies[0] == pytest.approx(2 / 3)
    assert result.roc.tar_at(0.9) == 0.5  # only accepting everything, whatever its score, would find the missing pair
    assert result.roc.tar_at(1) == 1


def test_roc_by_hand():
    curve = roc(np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([True, True, False, True, False]))
    assert curve.threshold.tolist() == [np.inf, 0.9, 0.8, 0.7, 0.6, 0.5, -np.inf]
    np.testing.assert_allclose(curve.far, [0, 0, 0, 0.5, 0.5, 1, 1])
    np.testing.assert_allclose(curve.tar, [0, 1 / 3, 2 / 3, 2 / 3, 1, 1, 1])
    assert curve.auc == pytest.approx(5 / 6)  # five of the six pairs of scores are in order
    assert curve.tar_at(0) == pytest.approx(2 / 3)
    assert curve.tar_at(0.5) == 1
    assert curve.eer == pytest.approx(1 / 3)  # on the upright step where tar is 2/3 and far passes 1/3


def test_perfect_reversed_and_undecided_scores():
    same = np.array([True, True, False, False])
    perfect, reverse, equal = (
        roc(np.array([4.0, 3, 2, 1]), same),
        roc(np.array([1.0, 2, 3, 4]), same),
        roc(np.ones(4), same),
    )
    assert (perfect.auc, perfect.eer, perfect.tar_at(0)) == (1, 0, 1)
    assert (reverse.auc, reverse.eer, reverse.tar_at(0.4)) == (0, 1, 0)
    assert (equal.auc, equal.eer) == (0.5, 0.5)


scores_of_a_kind = st.lists(st.integers(-5, 5).map(float) | st.just(-np.inf), min_size=1, max_size=20)


@given(positive=scores_of_a_kind, negative=scores_of_a_kind)
def test_auc_is_the_chance_that_a_true_pair_scores_higher(positive: list[float], negative: list[float]):
    same = np.array([True] * len(positive) + [False] * len(negative))
    curve = roc(np.array(positive + negative), same)
    wins = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert curve.auc == pytest.approx(np.mean(wins))
    assert 0 <= curve.eer <= 1
    assert (np.diff(curve.far) >= 0).all()
    assert (np.diff(curve.tar) >= 0).all()


@given(positive=scores_of_a_kind, negative=scores_of_a_kind)
def test_best_threshold_is_best(positive: list[float], negative: list[float]):
    scores, same = np.array(positive + negative), np.array([True] * len(positive) + [False] * len(negative))
    chosen = best_threshold(scores, same)

    def right(threshold: float) -> int:
        return int(((scores >= threshold) == same).sum())

    assert right(chosen) == max(right(t) for t in [*np.arange(-5.5, 6), np.inf])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(bad: float):
    with pytest.raises(ValueError, match="scores must be numbers"):
        verify(np.array([0.5, bad]), pairs_of([True, False], [0, 1]))


def test_one_fold_or_one_kind_of_pair_is_not_enough():
    with pytest.raises(ValueError, match="two at least"):
        verify(np.array([0.5, 0.1]), pairs_of([True, False], [0, 0]))
    with pytest.raises(ValueError, match="pairs of two"):
        verify(np.array([0.5, 0.1]), pairs_of([True, True], [0, 1]))
