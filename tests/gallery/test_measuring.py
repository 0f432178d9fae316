"""What is measured with named probes is what happened."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from faceray.build_gallery import build_gallery
from faceray.gallery.gallery import Gallery
from faceray.gallery.matches import MATCHES
from faceray.gallery.measuring import measure, measure_pairs
from faceray.gallery_options import GalleryOptions
from tests.gallery.outputs import people, uris, write_output


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """`person 0` to `person 29`, two faces each."""
    folder = tmp_path_factory.mktemp("measured")
    write_output(folder / "labels", people(30, 2), uris(30, 2))
    build_gallery(GalleryOptions(faces=f"{folder}/labels", output=f"{folder}/gallery", identities="folder"))
    return Gallery.open(f"{folder}/gallery")


def matches(*rows: tuple[int, str | None, int, str | None, float]) -> ds.Dataset:
    """(probe, who it is, rank, who the candidate is, score)."""
    box = [0.0, 0.0, 1.0, 1.0]
    names = ("probe_face_id", "probe_identity", "rank", "identity", "score")
    rest = {"probe_uri": "p", "gallery_uri": "g", "gallery_face_id": 0, "probe_box": box, "gallery_box": box}
    return ds.dataset(
        pa.Table.from_pylist([{**rest, **dict(zip(names, row, strict=True))} for row in rows], schema=MATCHES)
    )


def test_searches(gallery: Gallery):
    found = measure(
        matches(
            (1, "person 3", 1, "person 3", 0.9),
            (1, "person 3", 2, "person 3", 0.8),
            (2, "person 4", 1, "person 5", 0.7),
            (2, "person 4", 2, None, 0.65),
            (2, "person 4", 3, "person 4", 0.6),
            (3, "person 6", 1, "person 7", 0.5),  # has a mate, which is not among the candidates
            (4, "stranger", 1, None, 0.6),  # a candidate without a name is nobody
            (4, "stranger", 2, "person 8", 0.55),
            (5, None, 1, "person 9", 0.99),  # nobody knows who that is
        ),
        gallery,
    )
    assert found is not None
    order = np.argsort(-found.mate_scores)
    assert found.mate_scores[order].tolist() == [pytest.approx(0.9), pytest.approx(0.6), -np.inf]
    assert found.mate_ranks[order].tolist() == [1, 3, 0]
    assert found.impostor_scores.tolist() == [pytest.approx(0.55)]


def test_a_face_is_not_its_own_mate(tmp_path: Path):
    ids = write_output(tmp_path / "labels", people(30, 1), uris(30, 1))
    options = GalleryOptions(faces=f"{tmp_path}/labels", output=f"{tmp_path}/gallery", identities="folder")
    build_gallery(options)
    opened = Gallery.open(options.output)
    rows = matches(
        (int(ids[3]), "person 3", 1, "person 4", 0.4),  # alone with her name, and in the gallery herself
        (1, "person 5", 1, "person 5", 0.9),
    )
    found = measure(rows, opened)
    assert found is not None
    assert found.impostor_scores.tolist() == [pytest.approx(0.4)]
    assert found.mate_scores.tolist() == [pytest.approx(0.9)]


def test_without_strangers_or_names_nothing_is_measured(gallery: Gallery):
    assert measure(matches((1, "person 3", 1, "person 3", 0.9)), gallery) is None
    assert measure(matches((1, None, 1, "person 3", 0.9)), gallery) is None


def test_pairs_are_all_pairs_and_not_those_that_were_found(gallery: Gallery):
    vectors = people(30, 2)
    rows = np.arange(60)
    probes = gallery.entries(rows)
    curve = measure_pairs(gallery, probes, gallery.vectors(rows))
    assert curve is not None
    scores, who = vectors @ vectors.T, np.arange(60) // 2
    same = (who[:, None] == who) & ~np.eye(60, dtype=bool)
    for far in (0.001, 0.01, 0.1):
        threshold = np.quantile(scores[who[:, None] != who], 1 - far)
        assert curve.tar_at(far) == pytest.approx((scores[same] >= threshold).mean(), abs=0.05)
    unnamed = probes.set_column(3, "identity", pa.nulls(60, pa.string()))
    assert measure_pairs(gallery, unnamed, gallery.vectors(rows)) is None
