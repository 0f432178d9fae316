"""Numbers from night to night."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faceray.clustering.stable import Numbered, number

CLUSTERS = st.dictionaries(st.integers(0, 40), st.integers(0, 6), max_size=25)


def run(now: dict[int, int], before: dict[int, int], unused: int) -> tuple[dict[int, int], Numbered]:
    """Numbers of faces, from clusters of faces and the numbers they had."""
    faces = np.array(sorted(now), np.int64)
    labels = np.unique([now[f] for f in sorted(now)], return_inverse=True)[1].astype(np.int64)
    old = np.array(list(before), np.int64), np.array(list(before.values()), np.int64)
    numbered = number(labels, faces, *old, unused)
    return dict(zip(faces.tolist(), numbered.numbers[labels].tolist(), strict=True)), numbered


def test_new_numbers_go_to_large_clusters_first() -> None:
    numbers, _ = run({1: 0, 2: 1, 3: 1, 4: 2}, {}, 1)
    assert numbers == {2: 1, 3: 1, 1: 2, 4: 3}


def test_added_faces_take_the_number_of_their_person() -> None:
    numbers, numbered = run({1: 0, 2: 0, 9: 0, 5: 1, 10: 2}, {1: 7, 2: 7, 5: 3}, 8)
    assert numbers == {1: 7, 2: 7, 9: 7, 5: 3, 10: 8}
    assert numbered.became == {}


def test_when_people_grow_together_the_larger_part_keeps_its_number() -> None:
    numbers, numbered = run({1: 0, 2: 0, 3: 0}, {1: 4, 2: 9, 3: 9}, 10)
    assert set(numbers.values()) == {9}
    assert numbered.became == {4: 9}
    tie, _ = run({1: 0, 2: 0}, {1: 9, 2: 4}, 10)
    assert set(tie.values()) == {4}  # the older number


def test_when_a_person_comes_apart_the_larger_part_keeps_the_number() -> None:
    numbers, numbered = run({1: 0, 2: 1, 3: 1}, {1: 4, 2: 4, 3: 4}, 5)
    assert numbers == {1: 5, 2: 4, 3: 4}
    assert numbered.became == {}
    tie, _ = run({1: 1, 2: 0}, {1: 4, 2: 4}, 5)
    assert tie == {1: 4, 2: 5}  # the part with the smallest face id


def test_a_number_whose_faces_are_gone_is_not_given_again() -> None:
    numbers, numbered = run({7: 0}, {1: 3}, 4)
    assert numbers == {7: 4}
    assert numbered.became == {3: None}


@given(CLUSTERS, CLUSTERS)
def test_what_always_holds(now: dict[int, int], before: dict[int, int]) -> None:
    unused = max(before.values(), default=0) + 1
    numbers, numbered = run(now, before, unused)
    assert len(set(numbers.values())) == len(set(now.values())) == len(numbered.numbers)
    assert all(n in before.values() or n >= unused for n in numbers.values())
    assert set(numbered.became) == set(before.values()) - set(numbers.values())
    shifted = {face: 6 - cluster for face, cluster in now.items()}
    assert run(shifted, before, unused)[0] == numbers  # how clusters are labelled does not matter
    again, second = run(now, numbers, unused + 10)
    assert again == numbers  # nothing new, nothing changes
    assert second.became == {}
