"""One picture: its faces as rows, and drawn."""

from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from PIL import Image

from faceray import cli, commands
from faceray.corpus.decode import Limits
from faceray.errors import UserError
from faceray.inference.rows import FACE_FIELDS
from faceray.show import ShowOptions, show
from tests.faces import astronaut, group, jpeg, scenery


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (tmp_path / "two #1.jpg").write_bytes(jpeg(group(160, 90)))
    return tmp_path / "two #1.jpg"


def test_rows_of_faces_and_a_drawing(photo: Path) -> None:
    faces, drawn = show(ShowOptions(str(photo), f"{photo.parent}/new/drawn.jpg"))
    assert len(faces) == 2
    assert all(set(face) == {field.name for field in FACE_FIELDS} for face in faces)
    assert all(len(face["embedding"]) == 128 for face in faces)
    assert drawn == f"{photo.parent}/new/drawn.jpg"
    picture = np.asarray(Image.open(drawn)).astype(int)
    original = group(160, 90).astype(int)
    assert picture.shape == original.shape
    changed = np.abs(picture - original).max(2) > 60
    assert 0.001 < changed.mean() < 0.3  # boxes and labels, the rest is the photo in its own colours


def test_a_drawing_is_named_after_its_photo(photo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    _, drawn = show(ShowOptions(str(photo), attributes="none"))
    assert drawn == "two #1.faces.jpg"
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["two #1.faces.jpg"]
    show(ShowOptions(str(photo), "other.jpg", attributes="none"))
    assert (tmp_path / "elsewhere" / "other.jpg").exists()


def test_from_and_to_buckets() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/show/photo.jpg", jpeg(astronaut()))
    faces, _ = show(ShowOptions("memory://show/photo.jpg", "memory://show/drawn.jpg", attributes="none"))
    assert len(faces) == 1
    assert memory.cat_file("/show/drawn.jpg").startswith(b"\xff\xd8")


def test_a_picture_without_faces_is_drawn_too(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(jpeg(scenery()))
    faces, drawn = show(ShowOptions(str(tmp_path / "photo.jpg"), f"{tmp_path}/drawn.jpg", attributes="none"))
    assert faces == []
    assert Image.open(drawn).size == (180, 120)


@pytest.mark.parametrize(
    ("content", "status"),
    [(None, "not_found"), (b"", "empty"), (b"no image", "not_an_image"), (b"x" * 2000, "too_large")],
)
def test_pictures_that_cannot_be_read(tmp_path: Path, content: bytes | None, status: str) -> None:
    if content is not None:
        (tmp_path / "photo.jpg").write_bytes(content)
    with pytest.raises(UserError, match=f"photo.jpg: {status}: "):
        show(ShowOptions(f"{tmp_path}/photo.jpg", f"{tmp_path}/drawn.jpg", limits=Limits(max_bytes=1000)))
    assert not (tmp_path / "drawn.jpg").exists()


def test_a_drawing_that_cannot_be_written(photo: Path) -> None:
    with pytest.raises(UserError, match="cannot write"):
        show(ShowOptions(str(photo), f"{photo}/drawn.jpg", attributes="none"))


@pytest.mark.parametrize("options", [{"embedding": "no-such-network"}, {"attributes": "no-such-folder"}])
def test_unknown_networks(photo: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="no-such"):
        show(ShowOptions(str(photo), **options))


def test_on_the_command_line(photo: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.run(commands.show, [str(photo), "--output", f"{tmp_path}/drawn.jpg"]) == 0
    out = capsys.readouterr().out
    assert "score" in out
    assert f"drawn in {tmp_path}/drawn.jpg" in out
    (tmp_path / "none.jpg").write_bytes(jpeg(scenery()))
    quick = ["--output", f"{tmp_path}/drawn.jpg", "--attributes", "none"]
    assert cli.run(commands.show, [f"{tmp_path}/none.jpg", *quick]) == 0
    assert "no face found" in capsys.readouterr().out
    assert cli.run(commands.show, [f"{tmp_path}/missing.jpg"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
