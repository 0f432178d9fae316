"""Files are taken only if they are the recorded ones, wherever they are."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faceray.errors import UserError
from faceray.gallery.card import File
from faceray.gallery.files import LocalFile, write_file
from faceray.storage import Folder


@pytest.fixture(params=["disk", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    place = Folder.at(str(tmp_path / "a b") if request.param == "disk" else "memory://gallery/files")
    yield place
    place.remove("")


@pytest.fixture
def file(folder: Folder) -> File:
    def write(sink: object) -> None:
        for part in (b"one", b"two" * 1000):
            sink.write(part)  # type: ignore[attr-defined]

    return write_file(folder, "x.bin", write)


CONTENT = b"one" + b"two" * 1000


def test_what_was_written_is_told_and_read_back(folder: Folder, file: File) -> None:
    assert file == File(name="x.bin", bytes=3003, sha256=hashlib.sha256(CONTENT).hexdigest())
    assert LocalFile(folder, file).path.read_bytes() == CONTENT


def test_a_copy_goes_with_its_user() -> None:
    folder = Folder.at("memory://gallery/files")
    local = LocalFile(folder, write_file(folder, "x.bin", lambda sink: sink.write(CONTENT)))
    path = local.path
    assert path.exists()
    del local
    assert not path.exists()


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT[:-1] + b"!", CONTENT + b"!"])
def test_another_content_is_refused(folder: Folder, file: File, content: bytes) -> None:
    folder.write("x.bin", content)
    with pytest.raises(UserError, match=r"x\.bin is not the file that gallery\.json describes"):
        LocalFile(folder, file)


def test_a_missing_file_is_said_to_be(folder: Folder, file: File) -> None:
    with pytest.raises(UserError, match=r"y\.bin is missing"):
        LocalFile(folder, replace(file, name="y.bin"))


def test_a_folder_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="cannot write"):
        write_file(Folder.at(str(tmp_path / "file" / "below")), "x", lambda sink: sink.write(b"1"))
