"""From tables to a threshold."""

from pathlib import Path

import numpy as np
import pytest

from faceray.clustering.faces import FaceShards
from faceray.clustering.linking import Link
from faceray.clustering.neighbours import Cells
from faceray.clustering.surroundings import choose_threshold, surroundings
from tests.clustering.people import annotated

pa = pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty people with four photos each, in two files; in the last ten photos two of them stand together."""
    folder = tmp_path_factory.mktemp("surroundings") / "out"
    annotated(folder, [[i % 40] for i in range(80)])
    annotated(folder, [[i % 40] for i in range(70)] + [[i, i + 1] for i in range(10, 20)], first_image=81)
    return folder


def images(faces: FaceShards):  # type: ignore[no-untyped-def]
    everyone = faces.everyone()
    ids, of = (np.asarray(everyone[name]) for name in ("face_id", "image_id"))
    return lambda some: of[np.searchsorted(ids, some)]


@pytest.mark.parametrize("shard_faces", [100, 1000])
def test_neighbours_are_those_that_brute_force_finds_but_for_the_own_image(output: Path, shard_faces: int) -> None:
    faces = FaceShards.of(str(output), shard_faces=shard_faces)
    sample, whole = faces.sample(30), FaceShards.of(str(output)).read(0)
    of = images(faces)
    for i, found in enumerate(surroundings(faces, sample, 0.4, None, of)):
        similarity = whole.vectors @ sample.vectors[i]
        other = of(whole.ids) != of(sample.ids[i : i + 1])
        wanted = np.sort(similarity[(similarity >= 0.4) & other])[::-1]
        np.testing.assert_allclose(found.similarity, wanted, atol=1e-6)
        assert found.mutual.shape == (len(wanted), len(wanted))
        np.testing.assert_allclose(np.diag(found.mutual), 1, atol=1e-5)
        assert found.known_from == 0.4


def test_the_threshold_separates_people_and_says_why(output: Path) -> None:
    faces = FaceShards.of(str(output))
    chosen = choose_threshold(faces, faces.sample(1000), 170, None, images(faces))
    assert 0.3 < chosen.value < 0.65
    assert "transitive" in chosen.reason
    few = choose_threshold(faces, faces.sample(20), 170, None, images(faces))
    assert "strangers" in few.reason
    assert 0.3 < few.value < 0.65


@pytest.mark.parametrize("cells", [None, Cells(np.eye(64, dtype=np.float32)[:4], 4)])
def test_links_are_all_pairs_above_the_threshold_from_every_shard(output: Path, cells: Cells | None) -> None:
    faces, whole = FaceShards.of(str(output), shard_faces=100), FaceShards.of(str(output)).read(0)
    links = Link(faces, 32, 0.5, cells)
    table = pa.concat_tables([links(pa.table({"shard": [i]})) for i in range(len(faces.shards))])
    found = set(zip(table["face_id"].to_pylist(), table["neighbour_id"].to_pylist(), strict=True))
    first, second = np.nonzero(whole.vectors @ whole.vectors.T >= 0.5)
    assert found == set(zip(whole.ids[first].tolist(), whole.ids[second].tolist(), strict=True))
    assert len(found) == table.num_rows


def test_links_go_to_good_faces_only_and_to_so_many_at_most(tmp_path: Path) -> None:
    annotated(tmp_path / "out", [[1]] * 6)
    annotated(tmp_path / "out", [[1]] * 2, first_image=7, quality=0.1)
    faces = FaceShards.of(str(tmp_path / "out"), None, 0.5)
    shard = faces.read(0)
    table = Link(faces, 3, 0.1)(pa.table({"shard": [0]}))
    pairs = [p for p in zip(*(table[c].to_pylist() for c in table.column_names[:2]), strict=True) if p[0] != p[1]]
    assert {b for _, b in pairs} <= set(shard.ids[shard.good].tolist())
    counts = np.unique([a for a, _ in pairs], return_counts=True)[1]
    assert len(counts) == 8
    assert counts.min() >= 3
    assert counts.max() <= 4  # a poor face does not find itself among the good ones
