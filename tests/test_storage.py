"""Folders: the same on disk and in a bucket, with names as odd as file systems allow."""

import os
import resource
from pathlib import Path

import pytest

from faceray.errors import UserError
from faceray.storage import Folder, StorageOptions, locate, without_secrets

ODD_NAMES = ["plain", "two words", "ünï©ødé 写真", "50% #1?", "%20", "a::b", "[x]*", "new\nline", "~home", "-dash"]


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_local_folders_with_any_name(tmp_path: Path, name: str, scheme: str) -> None:
    folder = Folder.at(f"{scheme}{tmp_path}/{name}")
    assert folder.is_local
    assert folder.uri == f"file://{tmp_path}/{name}"
    folder.write(f"{name}.bin", b"content")
    assert (tmp_path / name / f"{name}.bin").read_bytes() == b"content"
    assert folder.names() == [f"{name}.bin"]
    assert folder.read(f"{name}.bin") == b"content"


def test_a_bucket(tmp_path: Path) -> None:
    folder = Folder.at("memory://storage/out/")
    assert not folder.is_local
    assert folder == Folder.at("memory://storage") / "out" == Folder.at("memory:///storage/out")
    assert folder.names() == []
    folder.write("b", b"1")
    folder.write("a", b"2")
    folder.write("a", b"3")
    assert folder.names() == ["a", "b"]
    assert folder.read("a") == b"3"


def test_one_folder_has_one_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for address in ("out", "./out/", "~/out", f"{tmp_path}/out//", f"file://{tmp_path}/out"):
        assert Folder.at(address).uri == f"file://{tmp_path}/out"
    assert Folder.at(".") / "out" == Folder.at("out")


def test_the_root_is_a_folder_too() -> None:
    root = Folder.at("/")
    assert root.is_local
    assert (root / "tmp").path == "/tmp"
    assert root.names() == sorted(os.listdir("/"))
    memory = Folder.at("memory://")
    memory.write("top", b"1")
    assert memory.read("top") == b"1"
    assert "top" in memory.names()


def test_removing_takes_files_and_folders_and_nothing_else(tmp_path: Path) -> None:
    folder = Folder.at(str(tmp_path))
    (folder / "inner" / "most").write("file", b"1")
    folder.write("file", b"1")
    folder.write("file2", b"1")
    folder.remove("inner")
    folder.remove("file")
    folder.remove("never there")
    assert folder.names() == ["file2"]
    assert (folder / "inner").names() == []


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = Folder.at(str(tmp_path))
    folder.write("report.html", b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # as on a full disk
    try:
        with pytest.raises(UserError, match=r"cannot write file://.*/report\.html"):
            folder.write("report.html", b"new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "report.html").read_bytes() == b"old"
    assert folder.names() == ["report.html"]


@pytest.mark.parametrize("below", ["", "/deeper", "/deeper/still"])
def test_what_cannot_be_written_is_the_users_to_mend(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"cannot write file://.*/name") as caught:
        Folder.at(f"{tmp_path}/file{below}").write("name", b"1")
    assert "\n" not in str(caught.value)


def test_unknown_protocols_are_the_users_to_mend() -> None:
    for address in ("nosuch://bucket/folder", "nosuch://"):
        with pytest.raises(UserError, match="cannot open nosuch://"):
            Folder.at(address)
        with pytest.raises(UserError, match="cannot open nosuch://"):
            locate(address)


def test_options_come_from_the_environment_where_they_are_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    assert StorageOptions() == StorageOptions("", "", "", False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store:9000")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_PROFILE", "nightly")
    assert StorageOptions() == StorageOptions("http://store:9000", "nightly", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3:9000")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    assert StorageOptions() == StorageOptions("http://s3:9000", "", "eu-north-1"), "keys come before a profile"
    assert StorageOptions("http://other", "daily", "us-east-1").profile == "daily"


@pytest.mark.parametrize("endpoint", ["store:9000", "http://key:secret@store", "file:///x"])
def test_endpoints_that_cannot_be(endpoint: str) -> None:
    with pytest.raises(UserError, match=r"--storage.endpoint must be like") as caught:
        StorageOptions(endpoint)
    assert "secret" not in str(caught.value)


def test_options_are_for_s3_alone() -> None:
    options = StorageOptions("http://store:9000", region="r", anonymous=True)
    assert options.for_fsspec("s3://bucket/x")["endpoint_url"] == "http://store:9000"
    assert options.for_delta("s3a://bucket/x") == {
        "AWS_REGION": "r",
        "AWS_ENDPOINT_URL": "http://store:9000",
        "AWS_ALLOW_HTTP": "true",
        "AWS_SKIP_SIGNATURE": "true",
    }
    for address in ("memory://bucket/x", "file:///x", "gs://bucket/x"):
        assert options.for_fsspec(address) == {}
        assert options.for_delta(address) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot read ftp://me:pa55@host/a.jpg", "cannot read ftp://host/a.jpg"),
        ("https://host/a.jpg?X-Amz-Signature=5e5e&x=1 is gone", "https://host/a.jpg is gone"),
        ("s3://bucket/photos?/*.jpg", "s3://bucket/photos?/*.jpg"),
        ("/home/a  b/me@host", "/home/a  b/me@host"),
    ],
)
def test_secrets_are_taken_out(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
