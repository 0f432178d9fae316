"""Bytes become upright RGB or a status: every kind of file, good, broken and hostile."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from faceray.corpus.decode import Limits, decode
from faceray.corpus.jpeg import jpeg_pixels
from faceray.corpus.status import ImageError, Status
from tests.corpus import images
from tests.corpus.broken_images import broken_images

PICTURE = images.sample_picture()
GOOD = images.good_images(PICTURE)
BROKEN = broken_images(PICTURE)
LIMITS = Limits()
JPEGS = [name for name in GOOD if ".jp" in name]
BASELINE, PROGRESSIVE = GOOD["baseline.jpg"], GOOD["progressive.jpg"]


def by_pillow(data: bytes) -> images.Pixels:
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def status_of(data: bytes, name: str = "photo.jpg", limits: Limits = LIMITS) -> Status:
    with pytest.raises(ImageError) as caught:
        decode(data, name, limits)
    assert "\n" not in str(caught.value)
    return caught.value.status


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_gives_its_picture_upright_in_rgb(name: str) -> None:
    picture, tolerance = images.expected(name, PICTURE)
    result = decode(GOOD[name], name, LIMITS)
    assert result.pixels.dtype == np.uint8
    assert result.pixels.shape == picture.shape
    assert result.pixels.flags.c_contiguous
    assert result.pixels.flags.writeable
    assert np.abs(result.pixels.astype(int) - picture).mean() <= tolerance
    assert result.remark is None


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_ends_in_its_status(name: str) -> None:
    data, status = BROKEN[name]
    assert status_of(data, name) is status


@pytest.mark.parametrize("name", [name for name in JPEGS if name != "cmyk-plain.jpg"])  # Pillow inverts that one
def test_jpeg_pixels_are_those_of_pillow(name: str) -> None:
    assert np.array_equal(decode(GOOD[name], name, LIMITS).pixels, by_pillow(GOOD[name]))


def test_pixels_of_real_photos_are_those_of_pillow() -> None:
    if "FACERAY_DATA" not in os.environ:
        pytest.skip("FACERAY_DATA is not set")
    photos = sorted(Path(os.environ["FACERAY_DATA"], "photos").rglob("*.jpg"))[::8]
    assert photos
    for photo in photos:
        data = photo.read_bytes()
        assert np.array_equal(decode(data, photo.name, LIMITS).pixels, by_pillow(data)), photo.name


def test_unusual_subsampling_is_read() -> None:
    """Chroma at a third of the width, which libjpeg-turbo's own interface does not know: one grey block row."""
    jpeg = images.save(Image.new("RGB", (24, 8)), "JPEG", subsampling=0)
    frame, scan = jpeg.index(b"\xff\xc0"), jpeg.index(b"\xff\xda") + 14
    bits = "001010" * 3 + "0000" * 2  # for each block of luma, then chroma: no DC difference, end of block
    blocks = int(bits.ljust(32, "1"), 2).to_bytes(4, "big")
    jpeg = jpeg[: frame + 11] + b"\x31" + jpeg[frame + 12 : scan] + blocks + b"\xff\xd9"
    assert np.all(decode(jpeg, "photo.jpg", LIMITS).pixels == 128)


@pytest.mark.parametrize("lost", [1, 2])
def test_a_jpeg_that_lacks_its_end_marker_alone_is_whole(lost: int) -> None:
    result = decode(BASELINE[:-lost], "photo.jpg", LIMITS)
    assert np.array_equal(result.pixels, by_pillow(BASELINE))
    assert result.remark == "JPEG without end marker"


def test_a_progressive_jpeg_without_end_marker_is_truncated_since_a_scan_may_be_missing() -> None:
    assert status_of(PROGRESSIVE[:-2]) is Status.TRUNCATED


@pytest.mark.parametrize("lost", range(3, 40))
def test_a_jpeg_that_lacks_picture_data_is_never_filled_with_grey(lost: int) -> None:
    assert status_of(BASELINE[:-lost]) is Status.TRUNCATED


def test_padding_before_the_end_of_a_jpeg_is_harmless() -> None:
    result = decode(BASELINE[:-2] + bytes(6) + BASELINE[-2:], "photo.jpg", LIMITS)
    assert np.array_equal(result.pixels, by_pillow(BASELINE))
    assert result.remark == "JPEG with stray bytes before its end"
    assert status_of(BASELINE[:-2] + bytes(100) + BASELINE[-2:]) is Status.UNDECODABLE


def test_a_jpeg_of_countless_scans_is_refused() -> None:
    last = PROGRESSIVE[PROGRESSIVE.rindex(b"\xff\xda") : -2]
    assert status_of(PROGRESSIVE[:-2] + last * 200 + b"\xff\xd9") is Status.UNDECODABLE


def test_a_jpeg_is_not_decoded_at_another_size_than_its_checked_header_says() -> None:
    small = JpegImageFile(io.BytesIO(images.save(Image.new("RGB", (8, 8)), "JPEG")))
    with pytest.raises(ImageError) as caught:
        jpeg_pixels(BASELINE, small)
    assert caught.value.status is Status.UNDECODABLE


def test_a_png_without_its_end_chunk_is_whole() -> None:
    result = decode(GOOD["rgb.png"][:-12], "photo.png", LIMITS)
    assert np.array_equal(result.pixels, PICTURE)
    assert result.remark == "PNG without end chunk"


def test_a_damaged_exif_block_leaves_the_picture_as_stored() -> None:
    exif = images.exif(6).tobytes()
    for broken in (exif[:12], exif[:8] + b"\xff" * 20, b"Exif\0\0II*\0" + bytes(20)):
        data = images.save(Image.fromarray(PICTURE), "JPEG", exif=broken)
        assert decode(data, "photo.jpg", LIMITS).pixels.shape == PICTURE.shape


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("photo.jpg", "PNG data in a file named .jpg"),
        ("s3://bucket/photo.HEIC", "PNG data in a file named .heic"),
        ("https://host/photo.gif?size=4#top", "PNG data in a file named .gif"),
        ("photo.PNG", None),
        ("photo", None),
        ("image.php?name=x.jpg", None),
        ("photo.jpg.bak", None),
    ],
)
def test_a_name_that_promises_another_format_is_remarked(name: str, remark: str | None) -> None:
    assert decode(GOOD["rgb.png"], name, LIMITS).remark == remark


def test_16_bit_samples_keep_their_high_byte() -> None:
    samples = np.linspace(0, 65535, 256 * 3).astype(np.uint16).reshape(3, 256)
    grey = Image.fromarray(samples)
    header = b"P5 256 3 65535\n"
    for data in (images.save(grey, "PNG"), images.save(grey, "TIFF"), header + samples.astype(">u2").tobytes()):
        pixels = decode(data, "deep", LIMITS).pixels
        assert np.array_equal(pixels, np.dstack([samples >> 8] * 3))


@pytest.mark.parametrize(
    ("bits", "photometric", "samples", "grey"),
    [(16, 1, b"\0\x40" * 6, 64), (16, 0, b"\0\x40" * 6, 191), (12, 1, b"\x40\x04\0" * 3, 64)],
)
def test_deep_grey_tiffs_know_their_depth_and_their_white(
    bits: int, photometric: int, samples: bytes, grey: int
) -> None:
    data = images.grey_tiff(2, 3, bits, photometric, samples)
    assert np.array_equal(decode(data, "scan.tif", LIMITS).pixels, np.full((3, 2, 3), grey))


def test_the_byte_limit_stands_before_the_format() -> None:
    assert status_of(b"no image", limits=Limits(max_bytes=7)) is Status.TOO_LARGE
    assert status_of(b"no image", limits=Limits(max_bytes=8)) is Status.NOT_AN_IMAGE


@pytest.mark.parametrize("name", GOOD)
def test_the_pixel_limit_is_exact(name: str) -> None:
    count = PICTURE.shape[0] * PICTURE.shape[1]
    assert decode(GOOD[name], name, Limits(max_pixels=count)).pixels.size == 3 * count
    assert status_of(GOOD[name], name, Limits(max_pixels=count - 1)) is Status.TOO_MANY_PIXELS


@pytest.mark.parametrize("name", [name for name in BROKEN if name.startswith("bomb")])
def test_a_bomb_is_refused_from_its_header(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("pixels were decoded"))
    tracemalloc.start()
    try:
        assert status_of(BROKEN[name][0], name) is Status.TOO_MANY_PIXELS
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP", b"iTXt"])
def test_a_metadata_bomb_in_a_png_is_never_inflated(kind: bytes) -> None:
    packed = zlib.compress(bytes(100 * 2**20))
    fields = {b"zTXt": b"key\0\0", b"iCCP": b"profile\0\0", b"iTXt": b"key\0\1\0\0\0"}
    chunk = images.png_chunk(kind, fields[kind] + packed)
    data = images.png_file(PICTURE.shape[1], PICTURE.shape[0], images.rows_of(PICTURE), *[chunk] * 3)
    tracemalloc.start()
    try:
        assert np.array_equal(decode(data, "photo.png", LIMITS).pixels, PICTURE)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


def test_a_tiff_with_silly_counts_ends_in_a_picture_or_a_status() -> None:
    tiff = images.grey_tiff(2, 3, 8, 1, bytes(6))
    for field in range(10, 10 + 12 * 7, 12):
        for count in (0, 2**31, 2**32 - 1):
            silly = tiff[: field + 4] + struct.pack("<I", count) + tiff[field + 8 :]
            with contextlib.suppress(ImageError):
                assert decode(silly, "scan.tif", LIMITS).pixels.shape == (3, 2, 3)


def test_nothing_is_printed_or_warned() -> None:
    program = """
from faceray.corpus.decode import Limits, decode
from faceray.corpus.status import ImageError
from tests.corpus import images
from tests.corpus.broken_images import broken_images
picture = images.sample_picture()
files = [data for data, _ in broken_images(picture).values()]
files += [data[: len(data) * part // 8] for data in images.good_images(picture).values() for part in range(1, 9)]
for data in files:
    try:
        decode(data, "photo", Limits())
    except ImageError:
        pass
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@settings(max_examples=400, deadline=2000)
@given(
    name=st.sampled_from(sorted(GOOD)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_any_damage_ends_in_a_picture_or_a_status(name: str, changes: list[tuple[float, int]], kept: float) -> None:
    data = bytearray(GOOD[name])
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        result = decode(bytes(data[: int(kept * len(data))]), name, Limits(max_pixels=1_000_000))
    except ImageError:
        return
    assert result.pixels.dtype == np.uint8
    assert result.pixels.ndim == 3
    assert result.pixels.shape[2] == 3
