"""Shards of a faces table."""

from pathlib import Path

import numpy as np
import pytest

from faceray.clustering.faces import FaceShards
from faceray.errors import UserError
from faceray.results.schema import IMAGES
from faceray.results.table import Table
from faceray.storage import Folder
from tests.clustering.people import annotated
from tests.results import batches


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten images of twelve faces, in three files; three faces are poor, one has no embedding."""
    folder = tmp_path_factory.mktemp("faces") / "out"
    annotated(folder, [[1], [1, 2], [3]])
    annotated(folder, [[4], [5, 6], [7]], first_image=4, quality=0.1)
    annotated(folder, [[8]] * 3, first_image=7)
    rows = batches.recognised((10, 1)).to_pylist()
    rows[0]["faces"][0]["embedding"] = None
    batches.run(Folder.at(str(folder)), "run", batches.pa.Table.from_pylist(rows, schema=batches.RECOGNISED))
    return folder


@pytest.mark.parametrize("shard_faces", [1, 5, 100])
def test_every_face_with_an_embedding_is_in_one_shard(output: Path, shard_faces: int) -> None:
    faces = FaceShards.of(str(output), None, 0.5, 0.0, shard_faces)
    shards = [faces.read(i) for i in range(len(faces.shards))]
    assert len(shards) == {1: 4, 5: 3, 100: 1}[shard_faces]
    ids = np.concatenate([shard.ids for shard in shards])
    everyone = np.asarray(faces.everyone()["face_id"])
    assert len(ids) == 11
    assert len(everyone) == 12
    assert (everyone[1:] > everyone[:-1]).all()
    assert set(ids) < set(everyone.tolist())
    assert sum(shard.good.sum() for shard in shards) == 7
    assert all((shard.ids[1:] > shard.ids[:-1]).all() for shard in shards)


def test_a_sample_has_good_faces_only_and_is_the_same_every_time(output: Path) -> None:
    faces = FaceShards.of(str(output), None, 0.5, 0.0)
    sample = faces.sample(5)
    assert len(sample.ids) == 5
    assert sample.good.all()
    np.testing.assert_array_equal(sample.ids, FaceShards.of(str(output), None, 0.5, 0.0, 2).sample(5).ids)
    assert len(faces.sample(100).ids) == 7
    np.testing.assert_array_equal(faces.sample(100).first(5).vectors, sample.vectors)


def test_no_table_and_a_changed_table_are_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no faces table"):
        FaceShards.of(str(tmp_path / "nothing"))
    annotated(tmp_path / "out", [[1]])
    faces = FaceShards.of(str(tmp_path / "out"))
    for part in (tmp_path / "out" / "faces").glob("*.parquet"):
        part.unlink()
    with pytest.raises(UserError, match="changed meanwhile"):
        faces.read(0)


def test_faces_of_two_networks_are_refused(tmp_path: Path) -> None:
    output = Folder.at(str(tmp_path / "out"))
    batches.run(output, "one", batches.recognised((1, 1), (2, 0)), models="old")
    batches.run(output, "two", batches.recognised((3, 0)), models="new")
    assert Table(output / "images", IMAGES).dataset().count_rows() == 3
    FaceShards.of(output.uri)  # images without faces do not matter
    batches.run(output, "three", batches.recognised((4, 1)), models="new")
    with pytest.raises(UserError, match="2 sets of networks"):
        FaceShards.of(output.uri)
