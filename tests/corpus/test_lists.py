"""Lists of every kind, and the inventories of S3, give the rows that a listing of the bucket would give."""

import gzip
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import pytest

from faceray.corpus.listing import Entry
from faceray.corpus.lists import ImageList
from faceray.errors import UserError
from faceray.s3 import store
from faceray.storage import StorageOptions
from tests.corpus.test_source import names, rows
from tests.s3 import BUCKET, S3Server, storage

KEYS = [
    "photos/a b+c.jpg",
    "photos/ü写真.jpg",
    'photos/"quo,ted".jpg',
    "photos/100%.jpg",
    "notes.txt",
    "photos/.hid.jpg",
]
COLUMNS = ["Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "LastModifiedDate", "ETag"]


def inventory(folder: Path, kind: str, keys: list[str] = KEYS) -> Path:
    """As S3 writes it: two files with an old version and a delete marker among the keys. Returns its manifest."""
    parts = (keys[: len(keys) // 2], keys[len(keys) // 2 :])
    data, manifest = folder / "inv" / "data", folder / "inv" / "2026-11-01T01-00Z" / "manifest.json"
    data.mkdir(parents=True)
    manifest.parent.mkdir()
    files = []
    for number, part in enumerate(parts):
        lines = [_line(key, f"etag{number}", number) for key in part]
        lines += [
            _line(part[0], "old", 1) | {"IsLatest": "false"},
            _line("photos/gone.jpg", "", 1) | {"IsDeleteMarker": "true"},
        ]
        name = f"part-{number}.{ENDINGS[kind]}"
        WRITERS[kind](data / name, lines)
        files.append({"key": f"elsewhere/inv/data/{name}", "size": 1, "MD5checksum": ""})
    told = {"sourceBucket": "photos", "fileFormat": kind, "fileSchema": ", ".join(COLUMNS), "files": files}
    manifest.write_text(json.dumps(told))
    return manifest


def _line(key: str, etag: str, number: int) -> dict[str, Any]:
    said = ["bucket-of-photos", key, "v", "true", "false", str(10 + number), "2026-10-31T00:00:00.000Z", etag]
    return dict(zip(COLUMNS, said, strict=True))


def _write_csv(path: Path, lines: list[dict[str, Any]]) -> None:
    quoted = [[quote_plus(v, safe="/") if k == "Key" else v for k, v in line.items()] for line in lines]
    text = "".join(",".join(f'"{value}"' for value in line) + "\n" for line in quoted)
    path.write_bytes(gzip.compress(text.encode()))


def _table(lines: list[dict[str, Any]]) -> pa.Table:
    lower = ["bucket", "key", "version_id", "is_latest", "is_delete_marker", "size", "last_modified_date", "e_tag"]
    table = pa.Table.from_pylist(lines).rename_columns(lower)
    for index, name in ((3, "is_latest"), (4, "is_delete_marker")):
        table = table.set_column(index, name, [[value == "true" for value in table[name].to_pylist()]])
    return table.set_column(5, "size", table["size"].cast(pa.int64()))


WRITERS: dict[str, Any] = {
    "CSV": _write_csv,
    "Parquet": lambda path, lines: pa.parquet.write_table(_table(lines), path),
    "ORC": lambda path, lines: pa.orc.write_table(_table(lines), str(path)),
}
ENDINGS = {"CSV": "csv.gz", "Parquet": "parquet", "ORC": "orc"}


@pytest.mark.parametrize("kind", WRITERS)
def test_inventories(tmp_path: Path, kind: str) -> None:
    entries = [e for page in ImageList(str(inventory(tmp_path, kind)), StorageOptions()) for e in page]
    half = len(KEYS) // 2
    assert entries == [
        Entry(f"s3://bucket-of-photos/{key}", f"etag{i // half}", 10 + i // half) for i, key in enumerate(KEYS)
    ]


def test_an_inventory_is_looked_through_like_a_folder(tmp_path: Path) -> None:
    found, source = rows(inventory(tmp_path, "CSV"))
    assert [row["uri"].rpartition("/")[2] for row in found] == [k.rpartition("/")[2] for k in KEYS[:4]]
    assert source.ignored == 2


def test_an_inventory_agrees_with_the_bucket(s3: S3Server, tmp_path: Path) -> None:
    """Versions are the same, so that no image is done again when one takes the place of the other."""
    client = store(BUCKET, storage(s3))
    client.put("inventoried/photo 1.jpg", b"content")
    ((listed,), _) = rows(f"s3://{BUCKET}/inventoried", storage=storage(s3))
    etag = listed["version"]
    manifest = inventory(tmp_path, "CSV", ["inventoried/photo 1.jpg", "x.txt"])
    lines = [_line("inventoried/photo 1.jpg", etag, 0) | {"Bucket": BUCKET, "Size": "7"}]
    _write_csv(tmp_path / "inv" / "data" / "part-0.csv.gz", lines)
    for path in (manifest, tmp_path / "inv" / "data" / "part-0.csv.gz", tmp_path / "inv" / "data" / "part-1.csv.gz"):
        client.put(f"reports/{path.relative_to(tmp_path)}", path.read_bytes())
    address = f"s3://{BUCKET}/reports/{manifest.relative_to(tmp_path)}"
    found, _ = rows(address, storage=storage(s3))
    assert found == [listed]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "cannot be read as a list"),
        ("[]", "not the manifest of an S3 inventory"),
        ('{"files": [], "fileFormat": "CSV"}', "not the manifest of an S3 inventory: no 'fileSchema'"),
        ('{"files": [], "fileFormat": "XML", "fileSchema": "Key"}', "inventories in XML are not read"),
        ('{"files": [{"key": "/etc/passwd"}], "fileFormat": "CSV", "fileSchema": "Key"}', "cannot be read as a list"),
    ],
)
def test_manifests_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "manifest.json").write_text(text)
    with pytest.raises(UserError, match=message):
        rows(tmp_path / "day" / "manifest.json")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_lists_may_say_bucket_key_size_and_version(tmp_path: Path, kind: str) -> None:
    table = pa.table(
        {
            "Bucket": ["b", "b", "c"],
            "label": [1, 2, 3],
            "Key": ["x/1 %20.jpg", "2.jpg", None],
            "size": ["12", "many", "3"],
            "ETag": ['"abc"', "", "d"],
            "Last_Modified": ["2026-01-01", "2026-01-02", ""],
        }
    )
    if kind == "csv":
        pa.csv.write_csv(table, tmp_path / "list.csv")
    else:
        pa.parquet.write_table(table, tmp_path / "list.parquet")
    (entries,) = ImageList(f"{tmp_path}/list.{kind}", StorageOptions())
    assert entries == [Entry("s3://b/x/1 %20.jpg", "abc", 12), Entry("s3://b/2.jpg", "None-2026-01-02", None)]


def test_what_a_list_says_of_local_files_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"12345")
    (tmp_path / "list.csv").write_text("uri,size,version\na.jpg,7,old\n")
    ((row,), _) = rows(tmp_path / "list.csv")
    assert row["bytes"] == 5
    assert row["version"] != "old"


def test_what_a_list_names_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("uri\ns3://b/.hidden\ns3://b/x.dat\n")
    assert names(tmp_path / "list.csv") == [".hidden", "x.dat"]
