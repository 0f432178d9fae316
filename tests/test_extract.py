"""Embeddings for other programs: every format holds the same vectors."""

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pyarrow.parquet
import pytest

from faceray.cli import parse
from faceray.errors import UserError
from faceray.extract import ExtractOptions, extract
from faceray.storage import Folder
from tests.gallery.outputs import people, uris, write_output

FACES, ADDRESSES = people(40, 2), uris(40, 2)
ADDRESSES[3] = "s3://bucket/person 1/two.faces.jpeg"
ADDRESSES[4] = ADDRESSES[3]  # a second face in the same picture
ADDRESSES[5] = "file:///photos/nameless/picture"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = str(tmp_path_factory.mktemp("labels"))
    vectors: list[Any] = list(FACES)
    vectors[11] = None
    write_output(folder, vectors, ADDRESSES)
    return folder


HELD = [i for i in range(80) if i != 11]


def test_one_file_for_each_picture_with_its_largest_face(output: str, tmp_path: Path) -> None:
    assert extract(ExtractOptions(output, str(tmp_path), kind="images")) == 78
    expected = {f"person {i // 2}/{i % 2}.npy": i for i in HELD if i not in (3, 4, 5)}
    expected |= {"person 1/two.faces.npy": 3, "nameless/picture.npy": 5}
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.npy")} == expected.keys()
    for name, i in expected.items():
        vector = np.load(tmp_path / name)
        assert (vector.dtype, vector.shape) == (np.float32, (32,))
        assert np.allclose(vector, FACES[i], atol=1e-6)


def check(ids: Any, vectors: np.ndarray) -> None:
    places = [ADDRESSES.index(uri) for uri in ids["uri"].to_pylist()]
    assert sorted(places) == sorted(3 if i == 4 else i for i in HELD)
    similar = np.sum(vectors * FACES[places], axis=1)
    assert np.sort(similar)[1:].min() > 1 - 1e-5, "all but the second face of the picture with two"
    assert (vectors.dtype, vectors.shape) == (np.float32, (79, 32))


def test_one_matrix_and_whose_its_rows_are(output: str, tmp_path: Path) -> None:
    assert extract(ExtractOptions(output, str(tmp_path))) == 79
    check(pyarrow.parquet.read_table(tmp_path / "ids.parquet"), np.load(tmp_path / "embeddings.npy"))
    assert np.load(tmp_path / "embeddings.npy", mmap_mode="r").flags.c_contiguous


def test_a_faiss_index(output: str, tmp_path: Path) -> None:
    assert extract(ExtractOptions(output, str(tmp_path), kind="faiss")) == 79
    index = faiss.read_index(str(tmp_path / "index.faiss"))
    check(pyarrow.parquet.read_table(tmp_path / "ids.parquet"), index.reconstruct_n(0, 79))
    assert index.search(FACES[:1], 1)[0][0, 0] == pytest.approx(1, abs=1e-5)


def test_one_parquet_file(output: str, tmp_path: Path) -> None:
    assert extract(ExtractOptions(output, str(tmp_path), kind="parquet")) == 79
    table = pyarrow.parquet.read_table(tmp_path / "embeddings.parquet")
    check(table, np.asarray(table["embedding"].combine_chunks().flatten()).reshape(-1, 32))
    assert {"face_id", "image_id", "uri", "score", "quality", "x1"} < set(table.column_names)


@pytest.mark.parametrize("kind", ["images", "matrix", "faiss", "parquet"])
def test_buckets_get_the_same_files(output: str, tmp_path: Path, kind: Any) -> None:
    bucket = Folder.at("memory://extracted/files")
    for place in (str(tmp_path), bucket.uri):
        extract(ExtractOptions(output, place, kind=kind, where="uri LIKE '%person 2_/%'"))
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) == {"images": 20, "parquet": 1}.get(kind, 2)
    for name, content in written.items():
        assert bucket.read(str(name)) == content
    bucket.remove("")


def test_only_faces_that_pass(output: str, tmp_path: Path) -> None:
    assert extract(ExtractOptions(output, str(tmp_path), where="uri LIKE '%person 20/%'")) == 2
    with pytest.raises(UserError, match="no face of the tables passes"):
        extract(ExtractOptions(output, str(tmp_path), min_score=0.99))


def test_pictures_that_would_be_one_file_are_refused_before_any_is_written(tmp_path: Path) -> None:
    addresses = ["file:///a/x/1.jpg", "file:///b/x/1.png"]
    write_output(tmp_path / "labels", people(2), addresses)
    with pytest.raises(UserError, match=r"would both become x/1\.npy"):
        extract(ExtractOptions(str(tmp_path / "labels"), str(tmp_path / "files"), kind="images"))
    assert not (tmp_path / "files").exists()
    assert extract(ExtractOptions(str(tmp_path / "labels"), str(tmp_path / "files"))) == 2


def test_two_networks_are_not_mixed(output: str, tmp_path: Path) -> None:
    write_output(tmp_path / "labels", people(2), uris(2, 1, 100), network="dlib")
    with pytest.raises(UserError, match="2 embedding networks"):
        extract(ExtractOptions(f"{output},{tmp_path}/labels", str(tmp_path / "files")))


@pytest.mark.parametrize("wrong", [{"faces": ""}, {"output": ""}, {"where": "1; 2"}, {"min_score": 2}])
def test_options_are_checked_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="--"):
        ExtractOptions(**{"faces": "f", "output": "o", **wrong})


def test_the_command_line_knows_the_options() -> None:
    options = parse(ExtractOptions, ["--faces", "a", "--output", "b", "--kind", "images"], "extract")
    assert options.kind == "images"
    with pytest.raises(UserError, match="kind"):
        parse(ExtractOptions, ["--faces", "a", "--output", "b", "--kind", "csv"], "extract")
