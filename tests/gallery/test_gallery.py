"""A gallery opened for reading: search is numpy's, whatever the shards, the index and the file system."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from faceray.build_gallery import build_gallery
from faceray.errors import UserError
from faceray.gallery.gallery import Gallery
from faceray.gallery.merge import merge_top_k
from faceray.gallery_options import GalleryOptions
from faceray.storage import Folder
from tests.gallery.outputs import people, uris, write_output

FACES, ADDRESSES = people(150, 2), uris(150, 2)
PROBES = people(150, 1, seed=0)[::2]
IVF = "IVF8,PQ8x4fs,Refine(SQfp16)"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output")
    write_output(folder, FACES, ADDRESSES)
    return folder


def gallery(output: Path, place: str, key: str = "", memory: str = "1GB") -> Gallery:
    options = GalleryOptions(
        output=place,
        faces=str(output),
        key=key,
        memory=memory,
        identities="folder",
        recall=1.0 if key == IVF else 0.99,
    )
    build_gallery(options)
    return Gallery.open(place)


@pytest.fixture(scope="module", params=[("", "1GB"), ("", "40KB"), ("SQfp16", "20KB"), (IVF, "40KB")], ids=str)
def opened(request: pytest.FixtureRequest, output: Path, tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    key, memory = request.param
    return gallery(output, str(tmp_path_factory.mktemp("gallery")), key, memory)


def test_the_nearest_are_those_that_numpy_finds(opened: Gallery) -> None:
    scores, rows = opened.search(PROBES, 5)
    assert (scores.shape, scores.dtype, rows.dtype) == ((75, 5), np.float32, np.int64)
    similarity = PROBES @ FACES.T
    assert np.allclose(scores[:, 0], similarity.max(axis=1), atol=2e-3)
    assert (np.diff(scores, axis=1) <= 0).all()
    best = [ADDRESSES[i] for i in similarity.argmax(axis=1)]
    assert np.mean([a == b for a, b in zip(opened.entries(rows[:, 0])["uri"].to_pylist(), best, strict=True)]) > 0.98
    assert np.allclose(
        opened.vectors(rows[:, 0]) @ PROBES.T[:, :1], similarity[0, similarity.argmax(axis=1)][:, None], atol=0.1
    )


def test_only_the_direction_of_a_probe_counts(opened: Gallery) -> None:
    scores, rows = opened.search(PROBES * np.float32(7), 3)
    assert np.array_equal(rows, opened.search(PROBES, 3)[1])
    assert np.allclose(scores, opened.search(PROBES, 3)[0], atol=1e-6)


def test_shards_searched_elsewhere_and_merged_are_the_gallery(opened: Gallery) -> None:
    shards = [pickle.loads(pickle.dumps(shard)) for shard in opened.shards]  # noqa: S301  our own
    merged = merge_top_k([shard.search(PROBES, 7) for shard in shards], 7)
    for ours, theirs in zip(merged, opened.search(PROBES, 7), strict=True):
        assert np.array_equal(ours, theirs)


def test_where_there_are_fewer_faces_the_rest_is_nothing(opened: Gallery) -> None:
    scores, rows = opened.search(PROBES[:2], 310)
    assert (rows[:, 300:] == -1).all()
    assert np.isneginf(scores[:, 300:]).all()
    assert sorted(rows[0][rows[0] >= 0].tolist()) == list(range(int((rows[0] >= 0).sum())))


@pytest.mark.parametrize("broken", [0.0, np.nan, np.inf])
def test_probes_without_a_direction_find_nothing(opened: Gallery, broken: float) -> None:
    probes = PROBES[:40].copy()
    probes[3] = broken
    scores, rows = opened.search(probes, 2)
    assert rows[3].tolist() == [-1, -1]
    assert np.isneginf(scores[3]).all()
    assert (np.delete(rows, 3, axis=0) >= 0).all()


def test_entries_are_told_in_the_order_asked_for(opened: Gallery) -> None:
    everyone = opened.entries(np.arange(300))
    assert sorted(everyone["uri"].to_pylist()) == sorted(ADDRESSES)
    rows = np.array([299, -1, 0, 151, 0])
    some = opened.entries(rows).to_pylist()
    assert set(some[1].values()) == {None}
    for row, entry in zip(rows, some, strict=True):
        if row >= 0:
            assert entry == everyone.slice(row, 1).to_pylist()[0]
            assert entry["identity"] == entry["uri"].split("/")[-2]
            assert [entry[name] for name in ("x1", "y1", "x2", "y2", "quality")] == [10, 20, 60, 90, 0.5]
    assert opened.entries(np.zeros(0, np.int64)).num_rows == 0


def test_vectors_belong_to_their_entries(opened: Gallery) -> None:
    rows = np.array([299, 0, 151, 0])
    places = [ADDRESSES.index(uri) for uri in opened.entries(rows)["uri"].to_pylist()]
    assert np.allclose(opened.vectors(rows), FACES[places], atol=1e-3)


@pytest.mark.parametrize("rows", [[300], [-2], [-1, 300]])
def test_rows_that_there_are_not_are_an_error(opened: Gallery, rows: list[int]) -> None:
    with pytest.raises(IndexError):
        opened.entries(np.array(rows))


def test_probes_of_another_length_are_refused(opened: Gallery) -> None:
    with pytest.raises(UserError, match=r"\(2, 16\), but embeddings of the gallery have length 32"):
        opened.search(np.ones((2, 16), np.float32), 1)


def test_no_probes_find_nothing(opened: Gallery) -> None:
    scores, rows = opened.search(np.zeros((0, 32), np.float32), 4)
    assert scores.shape == rows.shape == (0, 4)


@pytest.fixture
def bucket() -> Iterator[str]:
    yield "memory://galleries/two"
    Folder.at("memory://galleries/two").remove("")


def test_a_gallery_in_a_bucket_is_the_same(output: Path, bucket: str, tmp_path: Path) -> None:
    here, there = gallery(output, str(tmp_path), IVF, "40KB"), gallery(output, bucket, IVF, "40KB")
    assert len(there.shards) > 1
    for ours, theirs in zip(here.search(PROBES, 4), there.search(PROBES, 4), strict=True):
        assert np.array_equal(ours, theirs)
    assert here.entries(np.arange(300)) == there.entries(np.arange(300))


@pytest.mark.parametrize("suffix", [".faiss", ".parquet"])
def test_damaged_files_are_found_out_before_they_are_used(output: Path, tmp_path: Path, suffix: str) -> None:
    gallery(output, str(tmp_path))
    (path,) = (tmp_path / "shards").glob(f"*{suffix}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    opened = Gallery.open(str(tmp_path))
    with pytest.raises(UserError, match=r"is not the file that gallery\.json describes"):
        opened.entries(opened.search(PROBES, 1)[1][:, 0])


def test_no_gallery_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no gallery at"):
        Gallery.open(str(tmp_path))
