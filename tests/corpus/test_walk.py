"""Every object of a bucket is found once, whatever its key and wherever it lies; in parallel, by sub-prefix."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fsspec
import pytest

from faceray.corpus import walk as module
from faceray.corpus.listing import Entry
from faceray.corpus.source import Source
from faceray.corpus.walk import walk
from faceray.options import SUFFIXES
from faceray.s3 import store
from faceray.storage import Folder
from tests.s3 import BUCKET, S3Proxy, S3Server, storage

ODD = [
    "a b.jpg",
    "ü写真🙂.jpg",
    "50%.jpg",
    "%41.jpg",
    "a#b?c=d&e.jpg",
    "a+b.jpg",
    "a::b.jpg",
    "[x]*{y}.jpg",
    "'q\".jpg",
]


def put(server: S3Server, keys: list[str], data: bytes = b"data") -> None:
    client = store(BUCKET, storage(server))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: client.put(key, data), keys))


def found(server: S3Server | S3Proxy, prefix: str, skip: tuple[str, ...] = ()) -> list[Entry]:
    folder = Folder.at(f"s3://{BUCKET}/{prefix}", storage(server))
    return [e for entries in walk(folder, lambda uri: uri.endswith(skip) if skip else False) for e in entries]


def keys(entries: list[Entry], prefix: str) -> list[str]:
    return sorted(entry.uri.removeprefix(f"s3://{BUCKET}/{prefix}/") for entry in entries)


@pytest.fixture(scope="module")
def many(s3: S3Server) -> list[str]:
    """Objects in more folders than are listed at the same time, in few deep ones, and side by side."""
    wide = [f"wide/{i:02}/{j}.jpg" for i in range(40) for j in range(2)]
    deep = [f"deep/a/b/c/d/e/{i}.jpg" for i in range(3)] + ["deep/a/side.jpg", "top.jpg"]
    put(s3, [f"many/{name}" for name in wide + deep])
    put(s3, ["many2/not here.jpg"])
    return sorted(wide + deep)


def test_all_is_found_once(s3: S3Server, many: list[str]) -> None:
    entries = found(s3, "many")
    assert keys(entries, "many") == many
    assert {entry.size for entry in entries} == {4}
    assert {entry.version for entry in entries} == {"8d777f385d3dfec8815d20f7496026dc"}  # MD5 of the content


def test_prefixes_that_are_skipped_are_not_asked_for(s3_proxy: S3Proxy, many: list[str]) -> None:
    assert len(keys(found(s3_proxy, "many", skip=("/deep",)), "many")) == len(many) - 4
    assert s3_proxy.count("GET", "deep%2Fa") == 0


def test_sub_prefixes_are_listed_at_the_same_time(s3_proxy: S3Proxy, many: list[str]) -> None:
    s3_proxy.trouble(latency=0.2)
    keys(found(s3_proxy, "many"), "many")
    assert s3_proxy.most_at_once > 10


def test_trouble_in_listing_is_waited_out(s3_proxy: S3Proxy, many: list[str]) -> None:
    s3_proxy.trouble(slow_down=0.2, reset=0.1)
    assert keys(found(s3_proxy, "many"), "many") == many


def test_long_flat_prefixes(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of more than a page, and those with folders after it."""
    monkeypatch.setattr(module, "_PAGE", 5)
    names = [f"{i:04}.jpg" for i in range(12)]
    put(s3, [f"flat/{name}" for name in names], b"")
    assert keys(found(s3, "flat"), "flat") == names
    put(s3, [f"flat/z{number}/a.jpg" for number in range(3)])
    assert keys(found(s3, "flat"), "flat") == [*names, "z0/a.jpg", "z1/a.jpg", "z2/a.jpg"]


@pytest.mark.parametrize("levels", [0, 4], ids=["obstore", "s3fs"])
def test_odd_keys(s3: S3Server, monkeypatch: pytest.MonkeyPatch, levels: int) -> None:
    monkeypatch.setattr(module, "_DEEPEST", levels)
    put(s3, [f"odd/{name}" for name in ODD])
    assert keys(found(s3, "odd"), "odd") == sorted(ODD)
    rows = [row for batch in Source(f"s3://{BUCKET}/odd", SUFFIXES, storage=storage(s3)) for row in batch.to_pylist()]
    assert sorted(row["uri"].rpartition("/")[2] for row in rows) == sorted(ODD)


class Unnameable:
    """A bucket whose keys obstore has no names for, as far as s3fs asks."""

    def __init__(self, keys: list[str], page: int) -> None:
        self.keys, self.page = sorted(keys), page

    def call_s3(self, method: str, Bucket: str, Prefix: str, MaxKeys: int, **more: str) -> dict[str, Any]:
        assert method == "list_objects_v2"
        after = more.get("ContinuationToken") or more.get("StartAfter", "")
        left = [k for k in self.keys if k.startswith(Prefix) and k > after]
        shown = left[: self.page]
        contents = [{"Key": k, "Size": 1, "ETag": '"e"'} for k in shown]
        return {"Contents": contents, "IsTruncated": len(left) > self.page, "NextContinuationToken": shown[-1:][0]}


class Folders(Unnameable):
    """The same, as far as obstore is asked: it gives up at the first key with an empty part."""

    def list(self, prefix: str, **_: Any) -> Iterator[Any]:
        import pyarrow as pa

        for key in (k for k in self.keys if k.startswith(prefix)):
            if "//" in key:
                raise ValueError("empty path segment")
            yield pa.record_batch({"path": [key], "e_tag": ['"e"'], "size": [1], "last_modified": [None]})


def test_after_a_key_without_a_name_in_obstore_s3fs_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["p/a.jpg", "p/b.jpg", "p/c//d.jpg", "p/e.jpg", "p/f//g.jpg", "p/marker/"]
    monkeypatch.setattr(module.s3, "store", lambda *_, **__: Folders(names, 2))
    monkeypatch.setattr(Folder, "files", Unnameable(names, 2))
    entries = [e for page in module._below(Folder("s3://bucket"), "bucket", "p/") for e in page]
    assert [e.uri.removeprefix("s3://bucket/") for e in entries] == names[:-1]


def test_markers_of_folders_are_not_images(s3: S3Server) -> None:
    files = Folder.at(f"s3://{BUCKET}", storage(s3)).files
    files.pipe_file(f"{BUCKET}/marked/2024/", b"")
    put(s3, ["marked/2024/a.jpg"])
    assert keys(found(s3, "marked"), "marked") == ["2024/a.jpg"]


def test_other_buckets_are_walked_level_by_level() -> None:
    memory = fsspec.filesystem("memory")
    for name in ("b.jpg", "a/c.jpg", "a/d/e.jpg", "z/f.jpg", "skipped/g.jpg"):
        memory.pipe_file(f"/walked/{name}", b"1")
    pages = walk(Folder.at("memory://walked"), lambda uri: uri.endswith("/skipped"))
    assert [e.uri.removeprefix("memory:///walked/") for p in pages for e in p] == [
        "b.jpg",
        "a/c.jpg",
        "z/f.jpg",
        "a/d/e.jpg",
    ]


def test_a_bucket_without_anything(s3: S3Server) -> None:
    assert found(s3, "nothing at all") == []
