"""The graph of links."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faceray.clustering.graph import link

LINKS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 9)), max_size=30)


@given(LINKS)
def test_every_link_is_there_from_both_ends_once_with_its_highest_similarity(
    links: list[tuple[int, int, int]],
) -> None:
    first, second, tenths = (
        np.array(part, np.int64) for part in (zip(*links, strict=True) if links else ([], [], []))
    )
    graph = link(7, first, second, (tenths / 10).astype(np.float32))
    wanted: dict[tuple[int, int], float] = {}
    for a, b, s in links:
        if a != b:
            wanted[a, b] = wanted[b, a] = max(s / 10, wanted.get((a, b), 0))
    found = zip(graph.face.tolist(), graph.neighbour.tolist(), graph.similarity.tolist(), strict=True)
    assert [(a, b, round(s, 6)) for a, b, s in found] == [(a, b, s) for (a, b), s in sorted(wanted.items())]
    assert graph.faces == 7
    assert graph.links.sum() == len(wanted)
