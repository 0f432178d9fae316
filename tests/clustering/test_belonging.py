"""Which cluster a face belongs to, and how well."""

import numpy as np

from faceray.clustering.belonging import NONE, Links, attach, belonging


def links(*rows: tuple[int, int, float]) -> Links:
    face, neighbour, similarity = zip(*rows, strict=True) if rows else ((), (), ())
    return Links(np.array(face, np.int64), np.array(neighbour, np.int64), np.array(similarity, np.float32))


def test_a_loose_face_goes_where_most_weight_is() -> None:
    labels, loose = np.array([0, 0, 1, 9, 9, 9]), np.array([False, False, False, True, True, True])
    found = attach(labels, loose, links((3, 0, 0.5), (3, 1, 0.4), (3, 2, 0.8), (5, 2, 0.6), (5, 0, 0.6), (4, 5, 0.9)))
    assert found.tolist() == [0, 0, 1, 0, NONE, 0]  # 4 is like a loose face only; of equal weights the smaller label


def test_without_links_nobody_is_attached() -> None:
    assert attach(np.array([0, 0]), np.array([False, True]), links()).tolist() == [0, NONE]


def test_confidence_is_the_part_of_the_weight_that_stays_inside() -> None:
    labels = np.array([0, 0, 0, 1, NONE])
    result = belonging(labels, links((0, 1, 0.8), (0, 2, 0.6), (0, 3, 0.2), (3, 0, 0.2), (1, 4, 0.9)))
    np.testing.assert_allclose(result.confidence, [1.4 / 1.6, np.nan, np.nan, 0, np.nan], rtol=1e-6)
    np.testing.assert_allclose(result.similarity, [0.7, np.nan, np.nan, np.nan, np.nan], rtol=1e-6)
