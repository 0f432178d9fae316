"""Bytes come whole, bounded and from anywhere, or end in a status; passing trouble is waited out."""

import errno
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from faceray.corpus.decode import Limits
from faceray.corpus.fetch import fetch
from faceray.corpus.status import ImageError, Status
from faceray.retry import FEW_TRIES, TRIES
from faceray.storage import StorageOptions

LIMITS = Limits(max_bytes=100)
CONTENT = bytes(range(50))


class FakeFileSystem(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """One object, with the troubles and the size that a test wants, and a record of what was asked."""

    protocol = "fake"
    cachable = False
    troubles: ClassVar[list[Exception]] = []
    content: ClassVar[bytes] = CONTENT
    size: ClassVar[int | None] = len(CONTENT)
    asked: ClassVar[list[Any]] = []

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        self.asked.append("info")
        return {"name": path, "size": self.size, "type": "directory" if path.endswith("/dir") else "file"}

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        self.asked.append((start, end))
        if self.troubles:
            raise self.troubles.pop(0)
        return self.content[start:end]


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, in seconds: recorded, not slept."""
    waits: list[float] = []
    monkeypatch.setattr("faceray.retry.time.sleep", waits.append)
    return waits


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeFileSystem]:
    fsspec.register_implementation("fake", FakeFileSystem, clobber=True)
    for name, value in {"troubles": [], "content": CONTENT, "size": len(CONTENT), "asked": []}.items():
        monkeypatch.setattr(FakeFileSystem, name, value)
    return FakeFileSystem


def failure(uri: str, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        fetch(uri, LIMITS, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def test_files_and_objects_come_whole(tmp_path: Path) -> None:
    photo = tmp_path / "a photo?#1::2.jpg"
    photo.write_bytes(CONTENT)
    MemoryFileSystem().pipe_file("/fetched/photo.jpg", CONTENT)
    link = tmp_path / "link.jpg"
    link.symlink_to(photo)
    for uri in (
        str(photo),
        f"file://{photo}",
        str(link),
        link.as_uri(),
        "memory://fetched/photo.jpg",
        "fake://photo.jpg",
    ):
        assert fetch(uri, LIMITS) == CONTENT


def test_an_empty_file_gives_no_bytes(tmp_path: Path, fake: type[FakeFileSystem]) -> None:
    (tmp_path / "empty.jpg").touch()
    assert fetch(str(tmp_path / "empty.jpg"), LIMITS) == b""
    assert fetch("fake://photo.jpg", LIMITS, size=0) == b""
    assert fake.asked == []


def test_what_does_not_exist_is_not_found(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "file").touch()
    missing = (broken, tmp_path / "missing.jpg", tmp_path / "file" / "photo.jpg")
    for uri in (*map(str, missing), missing[0].as_uri(), "memory://missing.jpg"):
        assert failure(uri).status is Status.NOT_FOUND


@pytest.mark.timeout(10)
@pytest.mark.parametrize("size", [None, 5])
def test_what_is_no_regular_file_ends_in_a_status_and_never_blocks(tmp_path: Path, size: int | None) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for uri in (str(tmp_path), tmp_path.as_uri(), str(tmp_path / "pipe.jpg"), "/dev/zero", "file:///dev/zero"):
        assert failure(uri, size=size).status is Status.FETCH_ERROR
    assert failure("fake://bucket/dir").status is Status.FETCH_ERROR


@pytest.mark.parametrize(
    "uri", ["", "a\0b.jpg", "a" * 5000, "nosuchprotocol://photo.jpg", "::", "nosuchprotocol://a::fake://b"]
)
def test_senseless_addresses_end_in_a_status(uri: str) -> None:
    assert failure(uri).status in (Status.FETCH_ERROR, Status.NOT_FOUND)


def test_forbidden_objects_are_not_tried_again(fake: type[FakeFileSystem], waits: list[float]) -> None:
    fake.troubles[:] = [PermissionError("Access Denied")]
    assert failure("fake://photo.jpg").status is Status.FORBIDDEN
    assert waits == []


def test_a_large_object_is_refused_unread(fake: type[FakeFileSystem], tmp_path: Path) -> None:
    fake.size = LIMITS.max_bytes + 1
    assert failure("fake://photo.jpg").status is Status.TOO_LARGE
    assert fake.asked == ["info"]
    (tmp_path / "large.jpg").write_bytes(bytes(101))
    assert failure(str(tmp_path / "large.jpg"), size=5).status is Status.TOO_LARGE


@pytest.mark.parametrize("size", [50, None])
def test_an_object_larger_than_it_said_is_read_to_one_byte_beyond_the_limit(
    fake: type[FakeFileSystem], size: int | None
) -> None:
    fake.size, fake.content = size, bytes(5000)
    assert failure("fake://photo.jpg").status is Status.TOO_LARGE
    assert fake.asked == ["info", (0, LIMITS.max_bytes + 1)]


def test_a_size_from_the_listing_saves_a_request(fake: type[FakeFileSystem]) -> None:
    assert fetch("fake://photo.jpg", LIMITS, size=50) == CONTENT
    assert fake.asked == [(0, LIMITS.max_bytes + 1)]


class ResponseError(Exception):
    """An error with an HTTP status, as web clients raise them."""

    def __init__(self, status: int) -> None:
        super().__init__("response")
        self.status = status


class ClientError(Exception):
    """As botocore raises it."""

    def __init__(self, code: int) -> None:
        super().__init__("An error occurred (SlowDown)")
        self.response = {"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": code}}


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


PASSING = [
    TimeoutError(),
    ConnectionResetError("reset by peer"),
    OSError(errno.EBUSY, "Please reduce your request rate."),
    OSError(errno.EIO, "read error"),
    ResponseError(503),
    ResponseError(429),
    ClientError(503),
    caused(OSError("wrapped"), ClientError(500)),
    caused(FileNotFoundError("https://host/photo.jpg"), ResponseError(502)),
]
LASTING = [ValueError("bad"), ResponseError(400), ClientError(416), FileNotFoundError("gone"), PermissionError("no")]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_passing_trouble_is_waited_out(error: Exception, fake: type[FakeFileSystem], waits: list[float]) -> None:
    fake.troubles[:] = [error] * (TRIES - 1)
    assert fetch("fake://photo.jpg", LIMITS) == CONTENT
    assert [0.25 * 2**n <= wait <= 0.5 * 2**n for n, wait in enumerate(waits)] == [True] * (TRIES - 1)


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_does_not_pass_is_a_fetch_error(error: Exception, fake: type[FakeFileSystem], waits: list[float]) -> None:
    fake.troubles[:] = [error] * 10
    assert failure("fake://photo.jpg").status is Status.FETCH_ERROR
    assert len(waits) == TRIES - 1
    assert len(fake.troubles) == 10 - TRIES


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_lasting_trouble_is_not_tried_again(error: Exception, fake: type[FakeFileSystem], waits: list[float]) -> None:
    fake.troubles[:] = [error]
    failure("fake://photo.jpg")
    assert waits == []


def test_messages_tell_no_secret(fake: type[FakeFileSystem]) -> None:
    text = "cannot read https://me:pa55@host/photo.jpg?X-Amz-Signature=5e5e&x=1\nat all"
    fake.troubles[:] = [ValueError(text)]
    assert str(failure("fake://photo.jpg")) == "ValueError: cannot read https://host/photo.jpg at all"


class Store(BaseHTTPRequestHandler):
    """A web server and a bucket in one: the path says how it behaves."""

    requests: ClassVar[list[str]] = []
    sent: ClassVar[list[int]] = []

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        self.requests.append(f"{self.command} {self.headers.get('Range', '')}".strip())
        status = int(match[0]) if (match := re.search(r"\d{3}", self.path)) else 200
        if "busy" in self.path and len(self.requests) <= 2:
            status = 503
        found = status == 200
        ranged = found and body and "Range" in self.headers
        self.send_response(206 if ranged else status)
        if "endless" not in self.path:
            self.send_header("Content-Length", str(len(CONTENT) if found else 0))
        if ranged:
            self.send_header("Content-Range", f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        if body and found:
            self.send_endlessly() if "endless" in self.path else self.wfile.write(CONTENT)

    def send_endlessly(self) -> None:
        for _ in range(500):
            try:
                self.sent.append(self.wfile.write(bytes(100_000)))
            except OSError:  # the reader has hung up
                return

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Store, "requests", [])
    monkeypatch.setattr(Store, "sent", [])
    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "status"),
    [("404.jpg", Status.NOT_FOUND), ("403.jpg", Status.FORBIDDEN), ("500.jpg", Status.FETCH_ERROR)],
)
def test_the_answers_of_a_web_server_become_statuses(store: str, path: str, status: Status) -> None:
    assert failure(f"{store}/{path}").status is status


def test_a_web_server_is_read(store: str) -> None:
    assert fetch(f"{store}/photo.jpg", LIMITS) == CONTENT


def test_a_busy_web_server_is_waited_for(store: str, waits: list[float]) -> None:
    assert fetch(f"{store}/busy.jpg", LIMITS) == CONTENT
    assert len(waits) == 1


def test_an_unreachable_web_server_is_given_up_soon(waits: list[float]) -> None:
    assert failure("http://127.0.0.1:1/photo.jpg").status is Status.FETCH_ERROR
    assert len(waits) == FEW_TRIES - 1


@pytest.mark.parametrize("size", [None, 50])
def test_a_web_server_cannot_make_it_read_beyond_the_limit(store: str, size: int | None) -> None:
    assert failure(f"{store}/endless.jpg", size=size).status is Status.TOO_LARGE
    assert 0 < sum(Store.sent) < 25_000_000  # what fits into the buffers on the way, not the 50 MB it would send


@pytest.fixture
def bucket(store: str, monkeypatch: pytest.MonkeyPatch) -> StorageOptions:
    """The web server as an S3 server."""
    return StorageOptions(endpoint=store, region="us-east-1", anonymous=True)


@pytest.mark.parametrize("size", [None, 50])
def test_a_bucket_is_read_with_one_request(bucket: StorageOptions, size: int | None) -> None:
    assert fetch("s3://bucket/photo.jpg", LIMITS, bucket, size=size) == CONTENT
    assert Store.requests == ["GET bytes=0-100"]


@pytest.mark.parametrize(
    ("key", "status"), [("404.jpg", Status.NOT_FOUND), ("403.jpg", Status.FORBIDDEN), ("400.jpg", Status.FETCH_ERROR)]
)
def test_the_answers_of_a_bucket_become_statuses(
    bucket: StorageOptions, key: str, status: Status, waits: list[float]
) -> None:
    error = failure(f"s3://bucket/{key}", storage=bucket)
    assert error.status is status
    assert waits == []
    assert len(Store.requests) == 1


@pytest.mark.parametrize("key", ["busy.jpg", "a//busy.jpg"])
def test_a_busy_bucket_is_waited_for(bucket: StorageOptions, key: str) -> None:
    """Whichever client reads: the second key has no name in obstore."""
    assert fetch(f"s3://bucket/{key}", LIMITS, bucket, size=50) == CONTENT
    assert len(Store.requests) == 3


def test_a_bucket_that_stays_in_trouble_is_given_up(bucket: StorageOptions, waits: list[float]) -> None:
    assert failure("s3://bucket/500.jpg", storage=bucket).status is Status.FETCH_ERROR
    assert len(Store.requests) == TRIES == len(waits) + 1
