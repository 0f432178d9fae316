"""Tar files and videos from listing to pixels: every member, frame and broken file ends in one row."""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from faceray.corpus.decode import Limits
from faceray.corpus.loading import Load, load_picture
from faceray.corpus.plan import make_plan
from faceray.corpus.source import Source
from faceray.corpus.status import ImageError
from faceray.corpus.video import VideoOptions
from faceray.options import SUFFIXES
from faceray.s3 import store
from faceray.storage import Folder, StorageOptions
from tests.corpus.films import film, time_in
from tests.corpus.test_source import rows
from tests.corpus.test_tar import packed
from tests.s3 import BUCKET, S3Proxy, S3Server, storage


def jpeg(shade: int) -> bytes:
    sink = io.BytesIO()
    Image.new("L", (40, 30), shade).save(sink, "JPEG")
    return sink.getvalue()


SHARD = {
    "00.jpg": jpeg(0),
    "00.json": b"{}",
    "01.jpg": jpeg(50),
    "01.txt": b"one",
    "02.png": jpeg(99),
    "._3.jpg": b"x",
}


def loaded(
    address: Path | str,
    plan: Path,
    storage: StorageOptions | None = None,
    video: VideoOptions | None = None,
    **limits: Any,
) -> dict[str, dict[str, Any]]:
    """The rows of the first stage, by what stands after the last slash of their addresses."""
    folder, bounds = Folder.at(str(plan)), Limits(**limits)
    source = Source(str(address), SUFFIXES, storage=storage, video=video, limits=bounds)
    planned = make_plan(source, None, "m", None, folder)
    pieces = [{"file": f, "group": g} for f, groups in enumerate(planned.pieces) for g in range(groups)]
    found = Load(folder, bounds, 4, storage)(pa.Table.from_pylist(pieces)).to_pylist()
    assert len(found) == planned.listed
    return {row["uri"].rpartition("/")[2]: row for row in found}


def test_members_of_shards(tmp_path: Path) -> None:
    path = tmp_path / "corpus" / "shard-000.tar"
    path.parent.mkdir()
    path.write_bytes(packed(SHARD))
    found = loaded(path.parent, tmp_path / "plan")
    assert list(found) == ["shard-000.tar#00.jpg", "shard-000.tar#01.jpg", "shard-000.tar#02.png"]
    for name, row in found.items():
        data = SHARD[name.partition("#")[2]]
        assert (row["status"], row["bytes"], row["width"]) == ("ok", len(data), 40)
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
    assert "JPEG data in a file named .png" in found["shard-000.tar#02.png"]["error"]
    listed, source = rows(path.parent)
    assert source.ignored == 3
    path.write_bytes(packed(SHARD) + bytes(512))
    assert {row["image_id"] for row in rows(path)[0]} == {row["image_id"] for row in listed}
    assert not {row["version"] for row in rows(path)[0]} & {row["version"] for row in listed}


def test_frames_of_videos(tmp_path: Path) -> None:
    path = film(tmp_path / "corpus.mp4", 4)
    found = loaded(path, tmp_path / "plan", video=VideoOptions(every=1.5))
    assert list(found) == ["corpus.mp4#t=0", "corpus.mp4#t=1.5", "corpus.mp4#t=3"]
    for name, row in found.items():
        assert (row["status"], row["format"], row["bytes"], row["sha256"]) == ("ok", "h264", None, None)
        pixels = np.frombuffer(row["pixels"], np.uint8).reshape(row["height"], row["width"], 3)
        assert time_in(pixels) == pytest.approx(float(name.partition("=")[2]), abs=0.2)
        np.testing.assert_array_equal(load_picture(row["uri"], Limits()).pixels, pixels)


def test_what_cannot_be_looked_into_has_a_row_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    whole, video = packed(SHARD, 1), film(tmp_path / "film.mp4", 2).read_bytes()
    for name, data in {
        "cut.tar": whole[:2500],
        "no.tar": b"This is none.",
        "empty.tar": b"",
        "no.mp4": b"This is none.",
        "large.mp4": video,
        "page.jpg": b"<html>",
    }.items():
        (folder / name).write_bytes(data)
    found = loaded(folder, tmp_path / "plan", max_pixels=96 * 64 - 1)
    assert {name: row["status"] for name, row in found.items()} == {
        "cut.tar#00.jpg": "ok",
        "cut.tar": "truncated",
        "no.tar": "truncated",
        "empty.tar": "empty",
        "no.mp4": "undecodable",
        "large.mp4": "too_many_pixels",
        "page.jpg": "not_an_image",
    }
    assert all(row["error"] for row in found.values() if row["status"] != "ok")


def test_members_and_frames_that_are_named_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(packed(SHARD))
    film(tmp_path / "a.mp4", 2)
    lines = ("a.tar#01.jpg", "a.tar#none.jpg", "a.mp4#t=1.5", "a.mp4#t=9", "a.mp4#t=0.5", "b.mp4#t=1")
    (tmp_path / "list.txt").write_text("\n".join(lines))
    found = loaded(tmp_path / "list.txt", tmp_path / "plan")
    assert [found[name]["status"] for name in lines] == ["ok", "not_found", "ok", "truncated", "ok", "not_found"]


def test_pictures_by_their_addresses(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(packed(SHARD))
    assert load_picture(f"{tmp_path}/a.tar#01.jpg", Limits()).pixels.shape == (30, 40, 3)
    with pytest.raises(ImageError):
        load_picture(f"{film(tmp_path / 'a.mp4', 1)}#t=50", Limits())


@pytest.fixture(scope="module")
def corpus(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A bucket with images, shards and a video."""
    client = store(BUCKET, storage(s3))
    big = {f"{i:02}.jpg": jpeg(i) + np.random.default_rng(i).bytes(30_000) for i in range(30)}
    client.put("mixed/shards/0.tar", packed(big))
    client.put("mixed/shards/1.tar", packed(SHARD))
    client.put("mixed/film.mp4", film(tmp_path_factory.mktemp("film") / "film.mp4", 3).read_bytes())
    for index in range(20):
        client.put(f"mixed/photos/{index}.jpg", jpeg(index))
    return f"s3://{BUCKET}/mixed"


def test_a_bucket_of_everything(s3_proxy: S3Proxy, corpus: str, tmp_path: Path) -> None:
    """One request for each image, and one for some 100 kB of headers: nothing is asked for twice."""
    reached = storage(s3_proxy)
    list(Source(corpus, SUFFIXES, storage=reached))
    listing = s3_proxy.count("GET", "0.tar")
    assert 20 <= listing <= 70, "headers only"
    s3_proxy.calm()
    found = loaded(corpus, tmp_path / "plan", reached)
    assert len(found) == 20 + 30 + 3 + 3
    assert {row["status"] for row in found.values()} == {"ok"}
    assert s3_proxy.count("GET", "0.tar") == listing + 30
    assert s3_proxy.count("GET", "photos/") == 20
    assert s3_proxy.count("HEAD", "photos/") == 0


def test_trouble_is_waited_out(
    s3_proxy: S3Proxy,
    corpus: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tenth of all answers is refused, another tenth breaks off: every image is there in the end."""
    monkeypatch.setattr("faceray.retry.FIRST_WAIT", 0.02)
    s3_proxy.trouble(slow_down=0.1, reset=0.1)
    found = loaded(corpus, tmp_path / "plan", storage(s3_proxy))
    assert len(found) == 20 + 30 + 3 + 3
    assert {row["status"] for row in found.values()} == {"ok"}
    assert s3_proxy.troubled > 10


def test_lasting_trouble_is_each_images_own(s3: S3Server, corpus: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{corpus}/photos/1.jpg\n{corpus}/none.jpg\ns3://no-such-bucket/a.jpg\n")
    found = loaded(tmp_path / "list.txt", tmp_path / "plan", storage(s3))
    assert [row["status"] for row in found.values()] == ["ok", "not_found", "not_found"]
    found = loaded(tmp_path / "list.txt", tmp_path / "plan2", storage(s3, anonymous=True))
    assert [row["status"] for row in found.values()][:2] == ["forbidden", "forbidden"]
    assert all("AccessDenied" in row["error"] for row in list(found.values())[:2])
