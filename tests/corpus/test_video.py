"""Which pictures of a video are looked at, that they are those, and what becomes of broken and hostile ones."""

from pathlib import Path

import numpy as np
import pytest

from faceray.corpus.decode import Limits, Picture
from faceray.corpus.fetch import open_object
from faceray.corpus.ranges import RangeFile
from faceray.corpus.status import ImageError, Status
from faceray.corpus.video import VideoOptions, check_video, pictures, sample_times
from faceray.errors import UserError
from faceray.storage import StorageOptions
from tests.corpus.films import SIZE, film, time_in

LIMITS = Limits()
KINDS = {
    "a.mp4": ("libx264", 20),
    "b.mkv": ("libx264", 20),
    "c.webm": ("libvpx-vp9", 20),
    "d.mpg": ("mpeg1video", 12),
    "e.mts": ("libx264", 20),
    "one key frame.mp4": ("libx264", 1000),
}


def opened(path: Path) -> RangeFile:
    return open_object(str(path), StorageOptions())


def shown(path: Path, times: list[float], limits: Limits = LIMITS) -> list[Picture | ImageError]:
    return list(pictures(opened(path), times, limits))


def told(found: Picture | ImageError) -> float:
    assert isinstance(found, Picture), found
    return time_in(found.pixels)


def status(path: Path, limits: Limits = LIMITS, options: VideoOptions | None = None) -> Status:
    with pytest.raises(ImageError) as caught:
        sample_times(opened(path), options or VideoOptions(), limits)
    assert "\n" not in str(caught.value)
    return caught.value.status


@pytest.mark.parametrize("name", KINDS)
def test_the_picture_at_each_time(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, 12, *KINDS[name])
    times = sample_times(opened(path), VideoOptions(every=0.5), LIMITS)
    np.testing.assert_allclose(times[:24], np.arange(0, 12, 0.5))
    assert len(times) <= 24 + name.endswith("mpg")  # whose last packet says that it lasts a little longer
    for time, found in zip(times, shown(path, times), strict=True):
        assert told(found) == pytest.approx(time, abs=0.2)
    for time in (0.0, 3.7, 11.9):
        assert told(shown(path, [time])[0]) == pytest.approx(time, abs=0.2), "alone as with others"
    assert [round(told(found)) for found in shown(path, [1, 9, 10, 11.9])] == [1, 9, 10, 12]


def test_pictures_are_upright(tmp_path: Path) -> None:
    (flat,) = shown(film(tmp_path / "a.mp4", 1), [0])
    (turned,) = shown(film(tmp_path / "b.mp4", 1, rotation=90), [0])
    assert isinstance(flat, Picture)
    assert isinstance(turned, Picture)
    assert flat.pixels.shape == (SIZE[1], SIZE[0], 3)
    assert flat.format == "h264"
    assert turned.pixels.flags.c_contiguous
    np.testing.assert_array_equal(turned.pixels, np.rot90(flat.pixels))


def test_one_for_each_scene(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", seconds=9, gop=5, cut=3)
    times = sample_times(opened(path), VideoOptions(scenes=True), LIMITS)
    assert times == pytest.approx([0, 3, 6])
    white = [found.pixels[-1, 0].mean() > 128 for found in shown(path, times) if isinstance(found, Picture)]
    assert white == [False, True, False]
    assert sample_times(opened(film(tmp_path / "b.mp4", 2)), VideoOptions(scenes=True), LIMITS) == [0]


def test_only_parts_are_read(tmp_path: Path) -> None:
    path = film(tmp_path / "noise.mp4", seconds=20, gop=10)
    data, asked = path.read_bytes() + bytes(2_000_000), []

    def read(start: int, end: int) -> bytes:
        asked.append((start, end))
        return data[start:end]

    sample_times(RangeFile(read, len(data), 4096), VideoOptions(), LIMITS)
    assert sum(end - start for start, end in asked) < len(data) / 10


def test_limits(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", 3)
    assert status(path, Limits(max_pixels=6143)) is Status.TOO_MANY_PIXELS
    assert status(path, Limits(max_seconds=2.9)) is Status.TOO_LARGE
    assert len(sample_times(opened(path), VideoOptions(every=3), Limits(max_pixels=6144, max_seconds=3))) == 1
    (found,) = shown(path, [0], Limits(max_pixels=6143))
    assert isinstance(found, ImageError)
    assert found.status is Status.TOO_MANY_PIXELS


def test_what_comes_after_the_end(tmp_path: Path) -> None:
    found = shown(film(tmp_path / "a.mp4", 2), [1, 1.95, 7, 90])
    assert isinstance(found[1], Picture)
    assert [f.status for f in found[2:] if isinstance(f, ImageError)] == [Status.TRUNCATED] * 2


def test_a_video_that_was_cut(tmp_path: Path) -> None:
    """Pictures before the cut are there, those after it have their statuses."""
    path = film(tmp_path / "a.mkv", 10, gop=10)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = shown(path, [0, 1, 2, 8, 9])
    assert [isinstance(f, Picture) for f in found] == [True, True, True, False, False]
    assert {f.status for f in found if isinstance(f, ImageError)} <= {Status.TRUNCATED, Status.UNDECODABLE}


def test_playlists_lead_nowhere(tmp_path: Path) -> None:
    """FFmpeg would open the files that they name."""
    inner = film(tmp_path / "inner.mp4", 1)
    for text in (
        f"ffconcat version 1.0\nfile {inner.name}\n",
        f"#EXTM3U\n#EXTINF:1,\nfile://{inner}\n#EXT-X-ENDLIST\n",
    ):
        (tmp_path / "list.mp4").write_text(text)
        assert status(tmp_path / "list.mp4") is Status.UNDECODABLE


@pytest.mark.parametrize("data", [b"", b"no video at all", b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2" + bytes(100)])
def test_what_is_no_video(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(data)
    assert status(tmp_path / "a.mp4") is Status.UNDECODABLE
    with pytest.raises(ImageError):
        check_video(opened(tmp_path / "a.mp4"), LIMITS)


def test_random_damage_ends_in_pictures_and_statuses(tmp_path: Path) -> None:
    whole = film(tmp_path / "a.mp4", 5).read_bytes()
    dice = np.random.default_rng(0)
    for _ in range(20):
        data = bytearray(whole)
        for place in dice.integers(0, len(data), 40):
            data[place] ^= int(dice.integers(1, 256))
        (tmp_path / "b.mp4").write_bytes(data)
        found = shown(tmp_path / "b.mp4", [0, 1, 2, 3, 4])
        assert len(found) == 5


def test_trouble_in_reading_is_told(tmp_path: Path) -> None:
    data = film(tmp_path / "a.mp4", 2).read_bytes()

    def read(start: int, end: int) -> bytes:
        raise ImageError(Status.FORBIDDEN, "not yours")

    with pytest.raises(ImageError, match="not yours") as caught:
        sample_times(RangeFile(read, len(data), 4096), VideoOptions(), LIMITS)
    assert caught.value.status is Status.FORBIDDEN
    assert [f.status for f in pictures(RangeFile(read, 9, 4), [0, 1], LIMITS) if isinstance(f, ImageError)] == [
        Status.FORBIDDEN
    ] * 2


@pytest.mark.parametrize("every", [0, -1, 0.001, float("nan")])
def test_times_that_cannot_be(every: float) -> None:
    with pytest.raises(UserError, match=r"--video.every must be at least 0.01"):
        VideoOptions(every)
