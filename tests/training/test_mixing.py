"""Mixed batches: proportions, every sample at most once, the same plan for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.training.mixing import batch_shares, mixed_epoch, shuffled, steps_per_epoch


def one_shard(*sizes: int) -> list[np.ndarray]:
    return [np.zeros(size, np.int64) for size in sizes]


sizes_of_packs = st.lists(st.integers(1, 5000), min_size=1, max_size=5)


def test_shares_of_two_packs_by_hand():
    assert batch_shares([28000, 12000, 20000], 128) == (60, 25, 43)  # 59.7, 25.6, 42.7
    assert steps_per_epoch([28000, 12000, 20000], (60, 25, 43)) == 465  # of the third


@given(sizes_of_packs, st.integers(5, 256))
def test_shares_fill_the_batch_in_proportion(sizes: list[int], batch: int):
    shares = batch_shares(sizes, batch)
    assert sum(shares) == batch
    assert min(shares) >= 1
    exact = [batch * size / sum(sizes) for size in sizes]
    if min(exact) >= 1:
        assert max(abs(a - b) for a, b in zip(shares, exact, strict=True)) < 1


@pytest.mark.parametrize("sizes", [[], [0, 5], [1] * 9])
def test_packs_that_do_not_fit_are_refused(sizes: list[int]):
    with pytest.raises(ValueError, match="do not fit"):
        batch_shares(sizes, 8)


def test_packs_smaller_than_a_batch_are_refused():
    with pytest.raises(ValueError, match="do not fill"):
        mixed_epoch(one_shard(3, 4), 16, 0, 0)


@given(st.lists(st.integers(20, 300), min_size=1, max_size=4), st.integers(4, 20), st.integers(0, 5))
def test_an_epoch_takes_each_sample_at_most_once_in_the_right_proportion(sizes: list[int], batch: int, epoch: int):
    plan = mixed_epoch(one_shard(*sizes), batch, seed=1, epoch=epoch)
    shares = batch_shares(sizes, batch)
    assert plan.shape == (steps_per_epoch(sizes, shares), batch, 2)
    for pack, (size, share) in enumerate(zip(sizes, shares, strict=True)):
        assert ((plan[..., 0] == pack).sum(axis=1) == share).all()
        rows = plan[..., 1][plan[..., 0] == pack]
        assert len(set(rows.tolist())) == len(rows)
        assert rows.max() < size


def test_plans_depend_on_seed_and_epoch_alone():
    first = mixed_epoch(one_shard(100, 50), 15, 3, 7)
    assert np.array_equal(first, mixed_epoch(one_shard(100, 50), 15, 3, 7))
    assert not np.array_equal(first, mixed_epoch(one_shard(100, 50), 15, 3, 8))
    assert not np.array_equal(first, mixed_epoch(one_shard(100, 50), 15, 4, 7))


def test_a_half_of_a_batch_has_both_packs():
    half = mixed_epoch(one_shard(500, 500), 32, 0, 0)[:, :16, 0]
    assert ((half == 0).any(axis=1) & (half == 1).any(axis=1)).all()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=300), st.integers(0, 12), st.integers(0, 9))
def test_only_a_window_of_shards_is_open_at_a_time(shards: list[int], window: int, seed: int):
    order = shuffled(np.array(shards), window, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(shards)))
    seen = np.array(shards)[order]
    for shard in set(shards):
        first, last = np.flatnonzero(seen == shard)[[0, -1]]
        assert window == 0 or len(set(seen[first : last + 1].tolist())) <= window


def test_shards_of_a_window_are_mixed():
    shards = np.repeat(np.arange(8), 100)
    seen = shards[shuffled(shards, 4, np.random.default_rng(0))]
    assert len(set(seen[:40].tolist())) == 4
    assert not np.array_equal(seen, shards[shuffled(shards, 4, np.random.default_rng(1))])
