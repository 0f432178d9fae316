"""What is listed: folders, single files, globs and lists, on disk and in a bucket, whatever the names."""

import os
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet
import pytest

from faceray.corpus.decode import Limits
from faceray.corpus.fetch import fetch
from faceray.corpus.source import LISTING, Source, image_ids
from faceray.errors import UserError
from faceray.options import SUFFIXES
from faceray.storage import Folder

ODD_NAMES = [
    "plain.jpg",
    "two words.jpg",
    " spaces around .jpg",
    "ünï©ødé 写真 🙂.jpg",
    "50%.jpg",
    "%41.jpg",
    "a#b?c=d&e.jpg",
    "a::b.jpg",
    "[x]*{y}.jpg",
    "new\nline\tand tab.jpg",
    "'quo\"tes'.jpg",
    "back\\slash.jpg",
    "-dash~.jpg",
]


def rows(address: Path | str, suffixes: str = SUFFIXES, **options: Any) -> tuple[list[dict[str, Any]], Source]:
    """All rows of a listing, its schema checked, and the source with its count of ignored files."""
    source = Source(str(address), suffixes, **options)
    batches = list(source)
    assert all(batch.schema == LISTING for batch in batches)
    return [row for batch in batches for row in batch.to_pylist()], source


def names(address: Path | str, **options: Any) -> list[str]:
    return [row["uri"].rpartition("/")[2] for row in rows(address, **options)[0]]


def files(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())
    return folder


def test_a_row_says_all_that_the_plan_needs(tmp_path: Path) -> None:
    path = files(tmp_path, "photo.jpg") / "photo.jpg"
    ((row,), _) = rows(tmp_path)
    assert row["uri"] == f"file://{path}"
    assert row["bytes"] == 9
    assert row["image_id"] == image_ids([row["uri"]])[0]
    os.utime(path, (1, path.stat().st_mtime + 10))
    ((touched,), _) = rows(tmp_path)
    assert touched["version"] != row["version"]
    assert touched["image_id"] == row["image_id"]


def test_ids_are_the_start_of_a_blake2b_hash() -> None:
    """Fixed by two known values: other programs may compute them, and they must not change between releases."""
    assert image_ids(["file:///a.jpg", "s3://b/ü.png"]).tolist() == [IDS["file:///a.jpg"], IDS["s3://b/ü.png"]]
    assert image_ids([]).tolist() == []


# b2sum --length=64, its eight bytes read as a little-endian signed integer
IDS = {"file:///a.jpg": 1867025250686689131, "s3://b/ü.png": 8837435727349581961}


def test_folders_are_searched_for_names_of_images(tmp_path: Path) -> None:
    files(tmp_path, "a.jpg", "b.JPEG", "no-ending", "x/y/c.png", "x/d.tiff")
    files(tmp_path, "e.jpg.txt", "notes.md", "f.", "archive.tar.gz")
    found, source = rows(tmp_path)
    below = [row["uri"].removeprefix(f"file://{tmp_path}/") for row in found]
    assert sorted(below) == ["a.jpg", "b.JPEG", "no-ending", "x/d.tiff", "x/y/c.png"]
    assert source.ignored == 4
    list(source)
    assert source.ignored == 4  # not 8: each listing counts anew


def test_hidden_files_and_folders_are_not_images(tmp_path: Path) -> None:
    files(tmp_path / ".config", ".hidden.jpg", ".git/a.jpg", "x/.thumbs/deep/b.jpg", "x/c.jpg")
    found, source = rows(tmp_path / ".config")  # which was named outright
    assert [row["uri"] for row in found] == [f"file://{tmp_path}/.config/x/c.jpg"]
    assert source.ignored == 3


@pytest.mark.parametrize("suffixes", ["jpg", ".JPG", " jpg ,.gif", "gif,jpg"])
def test_suffixes_are_a_choice(tmp_path: Path, suffixes: str) -> None:
    files(tmp_path, "a.jpg", "b.JPG", "c.png", "d")
    assert names(tmp_path, suffixes=suffixes) == ["a.jpg", "b.JPG", "d"]


def test_a_star_takes_every_file_that_is_not_hidden(tmp_path: Path) -> None:
    files(tmp_path, "a.jpg", "b.txt", "c.", ".d")
    assert names(tmp_path, suffixes="*") == ["a.jpg", "b.txt", "c."]


def test_what_a_run_writes_is_not_its_input(tmp_path: Path) -> None:
    """The output may be inside the input, around it, or the same folder."""
    files(tmp_path, "in/a.jpg", "in/out/images/b.jpg", "in/out/faces/c", "in/out/runs/d")
    files(tmp_path, "in/out.jpg", "in/outside/e.jpg")
    output = Folder.at(f"{tmp_path}/in/out")
    written = [output / name for name in ("images", "faces", "runs")]
    assert sorted(names(tmp_path / "in", exclude=written)) == ["a.jpg", "e.jpg", "out.jpg"]
    assert names(f"{tmp_path}/in/**/*", exclude=written) == ["a.jpg", "out.jpg", "e.jpg"]
    assert sorted(names(tmp_path / "in/out", exclude=written)) == []
    assert len(names(tmp_path / "in")) == 6


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_survive_from_listing_to_reading(tmp_path: Path, name: str) -> None:
    files(tmp_path, name, f"in {name}/{name}")
    (tmp_path / "list.parquet").parent.mkdir(exist_ok=True)
    pa.parquet.write_table(pa.table({"uri": [f"in {name}/{name}"]}), tmp_path / "list.parquet")
    for address, content in [
        (tmp_path / name, name),  # the file itself
        (tmp_path / f"in {name}", f"in {name}/{name}"),  # in a folder
        (tmp_path / "list.parquet", f"in {name}/{name}"),  # in a list
    ]:
        ((row,), _) = rows(address)
        assert row["uri"] == f"file://{tmp_path}/{content}"
        assert row["bytes"] == len(content.encode())
        assert fetch(row["uri"], Limits(), size=row["bytes"]) == content.encode()


def test_names_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    files(tmp_path, "good.jpg")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad-\xff.jpg")).write_bytes(b"1")
    found, source = rows(tmp_path)
    assert [row["uri"] for row in found] == [f"file://{tmp_path}/good.jpg"]
    assert source.ignored == 1
    assert len(rows(f"{tmp_path}/*.jpg")[0]) == 1


def test_links_to_files_are_files_and_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    files(tmp_path, "real/a.jpg")
    (tmp_path / "real" / "circle").symlink_to(tmp_path)
    (tmp_path / "link.jpg").symlink_to(tmp_path / "real/a.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere")
    found, source = rows(tmp_path)
    assert sorted(row["uri"].rpartition("/")[2] for row in found) == ["a.jpg", "gone.jpg", "link.jpg"]
    assert source.ignored == 0


def test_one_file_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    files(tmp_path, "photo.weird", ".hidden", "list.txt/photo.jpg")
    assert names(tmp_path / "photo.weird") == ["photo.weird"]
    assert names(tmp_path / ".hidden") == [".hidden"]
    assert names(tmp_path / "list.txt") == ["photo.jpg"]  # a folder


def test_globs_take_what_they_match(tmp_path: Path) -> None:
    files(tmp_path, "a/1.jpg", "a/2.png", "b/1.jpg", "b/c/1.jpg", "b/3.weird")
    below = [row["uri"].removeprefix(f"file://{tmp_path}/") for row in rows(f"{tmp_path}/*/1.jpg")[0]]
    assert below == ["a/1.jpg", "b/1.jpg"]
    assert len(rows(f"{tmp_path}/**/1.jpg")[0]) == 3
    assert names(f"{tmp_path}/b/*") == ["1.jpg", "3.weird"]  # c is a folder
    assert names(f"{tmp_path}/[ab]/?.p*") == ["2.png"]


LINES = "./a.jpg\n\n  sub/b c.jpg  \r\n{folder}/sub/../a.jpg\ns3://bucket/key.jpg\nmissing.jpg\n"


@pytest.mark.parametrize("kind", ["txt", "TXT", "txt with a byte order mark", "csv", "parquet"])
def test_lists_with_relative_and_absolute_names(tmp_path: Path, kind: str) -> None:
    files(tmp_path, "a.jpg", "sub/b c.jpg")
    lines = LINES.format(folder=tmp_path)
    path = tmp_path / f"list.{kind[:7].split()[0]}"
    if kind.lower().startswith("txt"):
        path.write_text(lines, "utf-8-sig" if "mark" in kind else "utf-8")
    elif kind == "csv":
        path.write_text("label,uri\n" + "".join(f"1,{line}\n" for line in lines.splitlines()))
    else:
        pa.parquet.write_table(pa.table({"uri": [*lines.splitlines(), None], "label": [1] * 7}), path)
    found, _ = rows(path)
    assert [row["uri"] for row in found] == [
        f"file://{tmp_path}/a.jpg",
        f"file://{tmp_path}/sub/b c.jpg",
        f"file://{tmp_path}/a.jpg",
        "s3://bucket/key.jpg",
        f"file://{tmp_path}/missing.jpg",
    ]
    assert [row["bytes"] for row in found] == [5, 11, 5, None, None]
    assert [bool(row["version"]) for row in found] == [True, True, True, False, False]
    assert found[0] == found[2] == rows(tmp_path / "a.jpg")[0][0]  # the same however it is named


def test_tables_of_names_are_read_as_text(tmp_path: Path) -> None:
    """Numbers stay as they are written, line ends in quotes belong to names, other columns do not matter."""
    many = "".join(f"photo{i}.jpg,{'7' * 300}\n" for i in range(5000))  # types are guessed from the first megabyte
    (tmp_path / "list.csv").write_text(f'uri,age\n007,1\n"new\nline.jpg",2\nNULL,3\n{many}last.jpg,unknown\n')
    found = names(tmp_path / "list.csv")
    assert found[:3] == ["007", "new\nline.jpg", "NULL"]
    assert found[-1] == "last.jpg"
    assert len(found) == 5004


def test_lists_are_read_in_batches(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("".join(f"s3://b/{i}.jpg\n" for i in range(25_000)))
    batches = list(Source(f"{tmp_path}/list.txt", SUFFIXES))
    assert max(batch.num_rows for batch in batches) <= 10_000
    assert sum(batch.num_rows for batch in batches) == 25_000


def test_addresses_that_cannot_be_are_for_the_fetching_to_report(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("zero\0byte.jpg\nnosuch://x/y.jpg\n" + "long" * 2000 + "\n")
    found, _ = rows(tmp_path / "list.txt")
    assert [row["version"] for row in found] == ["", "", ""]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.csv", b"url,label\na.jpg,1\n", "list.csv.*uri"),
        ("list.csv", b"", "list.csv cannot be read as a list"),
        ("list.csv", b"uri,label\na.jpg,1\nb.jpg\n", "list.csv cannot be read as a list"),
        ("list.parquet", b"not Parquet at all", "list.parquet cannot be read as a list"),
    ],
)
def test_lists_that_are_none(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        rows(tmp_path / name)


def test_a_parquet_list_without_the_column(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"url": ["a.jpg"], "label": [1]}), tmp_path / "list.parquet")
    with pytest.raises(UserError, match="no column uri, only url, label"):
        rows(tmp_path / "list.parquet")


@pytest.mark.parametrize("address", ["nowhere", "no*where", "nowhere/list.txt", "[x]"])
def test_nothing_there(tmp_path: Path, address: str) -> None:
    with pytest.raises(UserError, match="nothing at"):
        Source(f"{tmp_path}/{address}", SUFFIXES)


@pytest.mark.parametrize("address", ["nosuch://bucket", "memory://nowhere", "memory://nowhere/*.jpg"])
def test_nothing_there_in_buckets(address: str) -> None:
    with pytest.raises(UserError, match=r"nothing at|cannot open"):
        Source(address, SUFFIXES)


def test_a_bucket_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of object stores raise exceptions of their own."""

    def refuse(*_: Any, **__: Any) -> bool:
        raise RuntimeError("Unable to locate credentials")

    memory = fsspec.filesystem("memory")
    monkeypatch.setattr(type(memory), "exists", refuse)
    with pytest.raises(UserError, match="cannot read memory://bucket: Unable to locate credentials"):
        Source("memory://bucket", SUFFIXES)


def test_buckets_are_folders_too() -> None:
    memory = fsspec.filesystem("memory")
    for path in ("/corpus/a b#1.jpg", "/corpus/x/ü%20.png", "/corpus/notes.md", "/corpus/.hidden.jpg"):
        memory.pipe_file(path, path.encode())
    memory.pipe_file("/corpus/lists/list.txt", b"../a b#1.jpg\nmemory://corpus/x/\xc3\xbc%20.png\n")
    found, source = rows("memory://corpus")
    assert [row["uri"] for row in found] == ["memory:///corpus/a b#1.jpg", "memory:///corpus/x/ü%20.png"]
    assert source.ignored == 3
    assert fetch(found[1]["uri"], Limits(), size=found[1]["bytes"]) == "/corpus/x/ü%20.png".encode()
    assert names("memory://corpus/x/ü%20.png") == ["ü%20.png"]
    assert names("memory://corpus/*b*.jpg") == ["a b#1.jpg"]
    listed, _ = rows("memory://corpus/lists/list.txt")
    assert [row["uri"].rpartition("/")[2] for row in listed] == ["a b#1.jpg", "ü%20.png"]
