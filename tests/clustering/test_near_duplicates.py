"""Groups of near hashes: what comparing all with all gives."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from faceray.clustering.near_duplicates import MOST, near_duplicates, near_groups
from faceray.clustering.perceptual_hash import distance
from faceray.clustering.tables import HASHES


def family(seed: int, members: int) -> np.ndarray:
    """Hashes a few bits from each other and from some unrelated ones."""
    dice = np.random.default_rng(seed)
    start = dice.integers(0, 2**64, dice.integers(1, 6), dtype=np.uint64)
    hashes = dice.choice(start, members)
    for i in range(members):
        for bit in dice.choice(64, dice.integers(0, 9), replace=False):
            hashes[i] ^= np.uint64(1) << np.uint64(bit)
    return hashes.view(np.int64)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), members=st.integers(0, 40), most=st.integers(0, MOST))
def test_groups_are_those_of_comparing_all_with_all(seed: int, members: int, most: int) -> None:
    hashes = family(seed, members)
    labels = connected_components(distance(hashes[:, None], hashes[None]) <= most)[1] if members else []
    first = [int(np.flatnonzero(labels == label)[0]) for label in labels]
    assert near_groups(hashes, most).tolist() == first


@pytest.mark.parametrize("most", [-1, MOST + 1])
def test_a_distance_beyond_what_is_sought_is_refused(most: int) -> None:
    with pytest.raises(ValueError, match="bits"):
        near_groups(np.zeros(2, np.int64), most)


def test_the_photo_with_most_pixels_names_its_group() -> None:
    def photo(image_id: int, hash_: int | None, width: int, size: int) -> dict[str, object]:
        row = {"image_id": image_id, "uri": f"file:///{image_id}", "version": "1", "status": "ok", "models": "m"}
        return row | {"hash": hash_, "width": width, "height": 100, "bytes": size}

    rows = [
        photo(1, 0b0000, 200, 5),
        photo(2, 0b0011, 400, 5),
        photo(3, -1, 900, 5),  # alone
        photo(4, None, 900, 5),  # without a hash
        photo(5, 0b0111, 400, 9),
        photo(6, 0b0111 << 40, 50, 1),
        photo(7, 0b0111 << 40, 50, 1),
    ]
    found = near_duplicates(pa.Table.from_pylist(rows, schema=HASHES), 2).to_pylist()
    assert [(row["image_id"], row["best_image_id"], row["distance"]) for row in found] == [
        (5, 5, 0),
        (2, 5, 1),
        (1, 5, 3),  # through 2
        (6, 6, 0),
        (7, 6, 0),
    ]


def test_no_photos_have_no_near_duplicates() -> None:
    assert near_duplicates(HASHES.empty_table(), 6).num_rows == 0
