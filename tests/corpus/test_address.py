"""Addresses say what is inside what, and files with such names are files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.corpus.address import frame_of, frame_uri, holds_images, member_of, member_version, offset_in


@given(st.text(min_size=1), st.text())
def test_members_of_tars(member: str, folder: str) -> None:
    tar = f"s3://bucket/{folder.replace('.tar#', '')}x.tar"
    assert member_of(f"{tar}#{member}") == (tar, member)


@given(st.floats(0, 1e6))
def test_a_frame_has_begun_at_the_time_of_its_address(seconds: float) -> None:
    found = frame_of(frame_uri("s3://bucket/a.mp4", seconds))
    assert found is not None
    assert found[0] == "s3://bucket/a.mp4"
    assert seconds <= found[1] + 1e-9 <= seconds + 0.0011


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0"), (12.5, "12.5"), (10.0, "10"), (100, "100"), (1 / 3, "0.334"), (0.0001, "0.001")]
)
def test_times_are_written_as_people_would(seconds: float, text: str) -> None:
    assert frame_uri("a.MOV", seconds) == f"a.MOV#t={text}"


@pytest.mark.parametrize(
    "uri",
    ["s3://b/a.tar", "s3://b/a.tar#", "s3://b/a.mp4", "s3://b/a.mp4#t=", "s3://b/a.mp4#t=-1", "s3://b/a.jpg#t=1"],
)
def test_what_is_neither(uri: str) -> None:
    assert member_of(uri) is None
    assert frame_of(uri) is None


def test_files_may_be_called_like_members_and_frames(tmp_path: Path) -> None:
    for name in ("a.tar#b.jpg", "a.mp4#t=1"):
        assert (member_of(f"{tmp_path}/{name}") or frame_of(f"{tmp_path}/{name}")) is not None
        (tmp_path / name).touch()
        for uri in (f"{tmp_path}/{name}", f"file://{tmp_path}/{name}"):
            assert member_of(uri) is None
            assert frame_of(uri) is None


def test_versions_of_members_say_where_they_are() -> None:
    assert offset_in(member_version("etag@7", 1536)) == 1536
    assert offset_in(member_version("", 512)) == 512
    for version in ("", "1234-5.6", "d41d8cd98f00b204e9800998ecf8427e-3", "a@b"):
        assert offset_in(version) is None


def test_what_to_look_into() -> None:
    assert holds_images("s3://b/a.TAR")
    assert holds_images("x.webm")
    assert not holds_images("x.tar.gz")
    assert not holds_images("tar")
