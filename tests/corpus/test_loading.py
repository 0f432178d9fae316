"""The first stage: every planned image becomes one row, with pixels or with the reason why not."""

import hashlib
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pytest

from faceray.corpus.decode import Limits
from faceray.corpus.loading import LOADED, Load
from faceray.corpus.plan import make_plan
from faceray.corpus.source import Source
from faceray.corpus.status import Status
from faceray.storage import Folder
from tests.corpus.broken_images import broken_images
from tests.corpus.images import good_images, sample_picture

LIMITS = Limits(max_pixels=10_000_000)


def load(address: Path | str, plan_folder: Path, limits: Limits = LIMITS, threads: int = 4) -> pa.Table:
    folder = Folder.at(str(plan_folder))
    plan = make_plan(Source(str(address), "*"), None, "m", None, folder)
    pieces = [{"file": f, "group": g} for f, groups in enumerate(plan.pieces) for g in range(groups)]
    table = Load(folder, limits, threads)(pa.Table.from_pylist(pieces))
    assert table.schema == LOADED
    assert table.num_rows == plan.planned
    return table


@pytest.fixture(scope="module")
def files() -> dict[str, tuple[bytes, Status]]:
    """Good and broken files, by name, each with its status."""
    picture = sample_picture()
    good = {name: (data, Status.OK) for name, data in good_images(picture).items()}
    return good | {name: broken for name, broken in broken_images(picture).items() if "cut" not in name}


def test_one_row_for_each_file_good_or_broken(tmp_path: Path, files: dict[str, tuple[bytes, Status]]) -> None:
    for name, (data, _) in files.items():
        (tmp_path / "corpus" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "corpus" / name).write_bytes(data)
    found = {row["uri"].rpartition("/")[2]: row for row in load(tmp_path / "corpus", tmp_path / "plan").to_pylist()}
    assert {name: row["status"] for name, row in found.items()} == {name: str(s) for name, (_, s) in files.items()}
    for name, row in found.items():
        data, status = files[name]
        assert row["bytes"] == len(data)
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert row["load_seconds"] > 0
        assert not row["replaces"]
        picture = (row["pixels"], row["width"], row["height"], row["format"])
        if status == Status.OK:
            assert len(row["pixels"]) == row["width"] * row["height"] * 3
            assert (row["width"], row["height"]) == (96, 64)
            assert row["format"]
        else:
            assert picture == (None, None, None, None)
            assert row["error"]
            assert "\n" not in row["error"]


def test_pixels_are_rows_of_rgb(tmp_path: Path) -> None:
    picture = sample_picture()
    (tmp_path / "photo.png").write_bytes(good_images(picture)["rgb.png"])
    (row,) = load(tmp_path / "photo.png", tmp_path / "plan").to_pylist()
    np.testing.assert_array_equal(np.frombuffer(row["pixels"], np.uint8).reshape(64, 96, 3), picture)
    assert row["error"] is None


def test_a_wrong_ending_is_remarked_on(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(good_images(sample_picture())["rgb.png"])
    (row,) = load(tmp_path / "photo.jpg", tmp_path / "plan").to_pylist()
    assert (row["status"], row["format"]) == ("ok", "PNG")
    assert "PNG" in row["error"]


def test_what_cannot_be_fetched_has_a_row_too(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "big.jpg").write_bytes(bytes(200_000))
    fsspec.filesystem("memory").pipe_file("/loading/photo.png", good_images(sample_picture())["rgb.png"])
    (tmp_path / "list.txt").write_text(
        "gone.jpg\nfolder.jpg\nempty.jpg\nbig.jpg\nnosuch://x/y.jpg\nmemory://loading/photo.png\nzero\0byte.jpg\n"
    )
    table = load(tmp_path / "list.txt", tmp_path / "plan", Limits(max_bytes=100_000))
    names = [uri.rpartition("/")[2] for uri in table["uri"].to_pylist()]
    assert dict(zip(names, table["status"].to_pylist(), strict=True)) == {
        "gone.jpg": "not_found",
        "folder.jpg": "fetch_error",
        "empty.jpg": "empty",
        "big.jpg": "too_large",
        "y.jpg": "fetch_error",
        "photo.png": "ok",
        "zero\0byte.jpg": "fetch_error",
    }


def test_a_file_that_grew_since_it_was_listed(tmp_path: Path) -> None:
    folder = Folder.at(str(tmp_path / "plan"))
    (tmp_path / "photo.png").write_bytes(b"small")
    make_plan(Source(str(tmp_path / "photo.png"), "*"), None, "m", None, folder)
    data = good_images(sample_picture())["rgb.png"]
    (tmp_path / "photo.png").write_bytes(data)
    (row,) = Load(folder, LIMITS, 1)(pa.table({"file": [0], "group": [0]})).to_pylist()
    assert (row["status"], row["bytes"]) == ("ok", len(data))


def test_rows_keep_the_order_of_the_plan(tmp_path: Path) -> None:
    data = good_images(sample_picture())["rgb.png"]
    for index in range(30):
        (tmp_path / f"{index:02}.png").write_bytes(data if index % 3 else b"")
    table = load(f"{tmp_path}/*.png", tmp_path / "plan", threads=8)
    assert [uri[-6:-4] for uri in table["uri"].to_pylist()] == [f"{i:02}" for i in range(30)]
    assert table["status"].to_pylist() == ["ok" if i % 3 else "empty" for i in range(30)]


def test_nothing_to_load(tmp_path: Path) -> None:
    none = pa.table({"file": pa.array([], pa.int64()), "group": pa.array([], pa.int64())})
    assert Load(Folder.at(str(tmp_path)), LIMITS, 1)(none).schema == LOADED
