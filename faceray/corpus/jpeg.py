"""JPEG pixels through libjpeg-turbo, which tells a truncated or damaged picture from a whole one."""

import contextlib
import re

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from faceray.corpus.status import ImageError, Status

MAX_SCANS = 100  # encoders write about ten; each further scan of a few bytes costs a pass over the whole picture
MAX_STRAY_BYTES = 8  # padding before the end marker; more of it means that the decoder lost its way
_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_STRAY = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


def jpeg_pixels(data: bytes, header: JpegImageFile) -> tuple[NDArray[np.uint8], str | None]:
    """The pixels of a JPEG as stored, not turned, and a remark on a harmless flaw.

    `header` is the same `data`, lazily opened. Returns uint8 (height, width, 3) RGB with the values that Pillow gives.
    A file that lacks its end marker is whole if it has one scan and every block of it arrived; of several scans a
    missing one would leave no trace. Raises ImageError with TRUNCATED or UNDECODABLE, and whatever Pillow raises for
    the rare files that only Pillow reads (unusual subsampling, arithmetic coding).
    """
    if not header.tile:
        raise ImageError(Status.TRUNCATED, "JPEG file ends before its picture data")
    one_scan = _has_one_scan(data, header)
    if not one_scan and _count_scans(data, header) > MAX_SCANS:
        raise ImageError(Status.UNDECODABLE, f"JPEG file of more than {MAX_SCANS} scans")
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data)
        if (width, height) != header.size:  # the size that was held against the limit
            raise ImageError(Status.UNDECODABLE, "JPEG file of two sizes")
        return _decoded(data, header, strict=True), None
    except ValueError as error:
        flaw = str(error)
    if "Premature end of JPEG file" in flaw:
        return _without_end(data, header, one_scan), "JPEG without end marker"
    if stray := _STRAY.search(flaw):
        if int(stray[1]) > MAX_STRAY_BYTES:
            raise ImageError(Status.UNDECODABLE, flaw)
        return _decoded(data, header, strict=False), "JPEG with stray bytes before its end"
    if flaw.startswith("Corrupt JPEG data"):
        raise ImageError(Status.UNDECODABLE, flaw)
    return _by_pillow(header), None


def _decoded(data: bytes, header: JpegImageFile, strict: bool) -> NDArray[np.uint8]:
    if header.mode == "CMYK":
        return _from_cmyk(simplejpeg.decode_jpeg(data, "CMYK", strict=strict), header)
    pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "RGB", strict=strict)
    return pixels


def _without_end(data: bytes, header: JpegImageFile, one_scan: bool) -> NDArray[np.uint8]:
    """The pixels of a JPEG file whose last bytes are missing, if these were the end marker alone."""
    with contextlib.suppress(ValueError):
        if one_scan:
            return _decoded(data + _END, header, strict=True)
    raise ImageError(Status.TRUNCATED, "JPEG file ends before its picture does")


def _start_of_scan(header: JpegImageFile) -> int:
    """The offset of the first entropy-coded byte: where Pillow's header parser stops."""
    return header.fp.tell() if header.fp else 0


def _has_one_scan(data: bytes, header: JpegImageFile) -> bool:
    """Whether the first scan holds all of the picture: sequential, with all components together."""
    size = 6 + 2 * header.layers
    segment = _SCAN + size.to_bytes(2, "big") + bytes([header.layers])
    return "progressive" not in header.info and data.startswith(segment, _start_of_scan(header) - size - 2)


def _count_scans(data: bytes, header: JpegImageFile) -> int:
    start = _start_of_scan(header)
    end = data.find(_END, start)  # what follows the picture, such as the film of a phone, does not count
    return 1 + data.count(_SCAN, start, end if end >= 0 else len(data))


def _from_cmyk(inks: NDArray[np.uint8], header: JpegImageFile) -> NDArray[np.uint8]:
    """CMYK to RGB as Pillow does. With Adobe's marker files store 255 - ink; Pillow assumes it always."""
    inverted = "adobe" in header.info
    picture = Image.fromarray(255 - inks if inverted else inks, "CMYK")
    return np.array(picture.convert("RGB"))


def _by_pillow(header: JpegImageFile) -> NDArray[np.uint8]:
    picture: Image.Image = header
    if header.mode == "CMYK":
        inks = np.asarray(picture)
        return _from_cmyk(255 - inks, header)
    return np.array(picture.convert("RGB"))
