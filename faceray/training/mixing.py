"""Batches over several packs at once: how many samples of each, and which, as data."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def batch_shares(sizes: Sequence[int], batch: int) -> tuple[int, ...]:
    """Samples of each pack in a batch, in proportion to the packs' sizes.

    Shares are rounded by largest remainder, and every pack has at least one, so that they add up to the batch;
    original 1 rounds all down in one script and gives what is left to the last pack in another.

    Raises:
        ValueError: a pack is empty, or there are more packs than places.
    """
    if not sizes or min(sizes) < 1 or len(sizes) > batch:
        raise ValueError(f"{len(sizes)} packs of {list(sizes)} samples do not fit in batches of {batch}")
    exact = [batch * size / sum(sizes) for size in sizes]
    shares = [max(1, math.floor(x)) for x in exact]
    while sum(shares) != batch:
        step = 1 if sum(shares) < batch else -1
        can = [i for i, share in enumerate(shares) if share + step >= 1]
        most_wanting = max(can, key=lambda i: step * (exact[i] - shares[i]))
        shares[most_wanting] += step
    return tuple(shares)


def steps_per_epoch(sizes: Sequence[int], shares: Sequence[int]) -> int:
    """Whole batches until the first pack is used up: min ⌊size / share⌋.

    Raises:
        ValueError: a pack does not fill its share once.
    """
    steps = min(size // share for size, share in zip(sizes, shares, strict=True))
    if steps < 1:
        raise ValueError(f"packs of {list(sizes)} samples do not fill a batch of {sum(shares)}")
    return steps


def shuffled(shards: NDArray[np.integer], window: int, random: np.random.Generator) -> NDArray[np.int64]:
    """A random order of samples in which only `window` shards at a time are open: those are read together.

    Args:
        shards: (n,), the shard that each sample lies in. window: 0: the order is wholly random.

    Returns:
        (n,) int64, a permutation.
    """
    names, places = np.unique(shards, return_inverse=True)
    if not 0 < window < len(names):
        return random.permutation(len(shards))
    windows = random.permutation(len(names))[places] // window
    return np.lexsort((random.random(len(shards)), windows)).astype(np.int64)


def mixed_epoch(
    shards: Sequence[NDArray[np.integer]], batch: int, seed: int, epoch: int, window: int = 0
) -> NDArray[np.int64]:
    """The samples of one epoch in their order, each at most once; another order for every seed and epoch.

    Each batch is shuffled, so that any slice of it has samples of all packs.

    Args:
        shards: of each pack: the shard that each sample lies in. window: see `shuffled`.

    Returns:
        (steps, batch, 2) int64: number of the pack, row in it.
    """
    random = np.random.default_rng([seed, epoch])
    sizes = [len(pack) for pack in shards]
    shares = batch_shares(sizes, batch)
    steps = steps_per_epoch(sizes, shares)
    parts = []
    for pack, share in enumerate(shares):
        rows = shuffled(shards[pack], window, random)[: steps * share].reshape(steps, share)
        parts.append(np.stack([np.full_like(rows, pack), rows], axis=2))
    plan = np.concatenate(parts, axis=1).astype(np.int64)
    order = random.random((steps, batch)).argsort(axis=1)
    return np.take_along_axis(plan, order[..., None], axis=1)
