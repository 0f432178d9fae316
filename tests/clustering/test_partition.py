"""From rows of links to clusters of good and poor faces."""

import numpy as np
import pyarrow as pa

from faceray.clustering.algorithms import chinese_whispers, components
from faceray.clustering.belonging import NONE
from faceray.clustering.linking import LINKS
from faceray.clustering.partition import contradictions, partition, read_links

IDS = np.array([-5, 2, 3, 8, 20, 31])
IMAGES = np.array([1, 1, 2, 3, 4, 5])


def rows(*links: tuple[int, int, float]) -> pa.Table:
    return pa.table([pa.array(column) for column in zip(*links, strict=True)], names=LINKS.names).cast(LINKS)


def test_links_within_an_image_are_dropped_and_faces_that_took_part_are_known() -> None:
    tables = [rows((-5, -5, 1.0), (-5, 2, 0.9), (-5, 3, 0.8)), rows((2, 2, 1.0), (20, 20, 1.0)), LINKS.empty_table()]
    links, present = read_links(tables, IDS, IMAGES)
    assert list(zip(links.face.tolist(), links.neighbour.tolist(), strict=True)) == [(0, 2)]
    assert links.similarity.tolist() == [np.float32(0.8)]
    assert present.tolist() == [True, True, False, False, True, False]


def test_poor_faces_are_attached_and_never_join_others() -> None:
    everyone = [(int(i), int(i), 1.0) for i in IDS]
    # 2 and 3 are one person, 20 and 31 another; 8 is poor and like both, -5 is poor and like nobody
    alike = [(2, 3, 0.9), (20, 31, 0.9), (8, 3, 0.7), (8, 2, 0.6), (8, 20, 0.8)]
    links, present = read_links([rows(*everyone, *alike)], IDS, IMAGES)
    good = np.array([False, True, True, False, True, True])
    found = partition(links, present, good, components, loose=True)
    assert found.labels.tolist() == [NONE, 0, 0, 0, 1, 1]
    assert found.core.tolist() == good.tolist()
    assert found.links == 5
    np.testing.assert_allclose(found.belonging.confidence, [np.nan, 1, 1, 1.3 / 2.1, 1, 1], rtol=1e-6)
    left = partition(links, present, good, chinese_whispers, loose=False)
    assert left.labels.tolist() == [NONE, 0, 0, NONE, 1, 1]


def test_labels_count_from_zero_without_gaps_also_where_faces_did_not_take_part() -> None:
    links, present = read_links([rows((3, 3, 1.0), (31, 31, 1.0))], IDS, IMAGES)
    found = partition(links, present, np.ones(6, bool), components, loose=True)
    assert found.labels.tolist() == [NONE, NONE, 0, NONE, NONE, 1]


def test_an_image_with_a_person_twice_is_counted_once() -> None:
    images = np.array([1, 1, 1, 2, 2, 3, 3])
    assert contradictions(np.array([0, 0, 0, 0, 1, NONE, NONE]), images) == 1
