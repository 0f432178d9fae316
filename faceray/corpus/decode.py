"""From the bytes of a file to upright RGB pixels, or the status that says why not."""

import ctypes
import io
import logging
import re
import struct
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, ExifTags, Image, _imaging, features
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from faceray.corpus.container import canvas, ends_early, essential_png
from faceray.corpus.jpeg import jpeg_pixels
from faceray.corpus.sniff import contradiction, sniff
from faceray.corpus.status import ImageError, Status

Pixels = NDArray[np.uint8]

# The class is called, not Image.open: no other plugin (EPS runs a program) can get hold of the bytes.
READERS: dict[str, type[ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
    "PPM": PpmImageFile,
}
if features.check("avif"):
    READERS["AVIF"] = AvifImagePlugin.AvifImageFile
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # workers run side by side on files, not inside one

_OPAQUE = {"1", "L", "P", "RGB", "RGBX", "YCbCr", "CMYK"}
_TRANSPARENT = {"LA", "PA", "RGBA", "RGBa"}
_PILLOW = re.compile(r"PIL\.")  # the modules whose warnings are ignored
# EXIF orientation: (transpose first?, then flip: 1 left-right, 0 top-bottom, -1 both, None neither)
_TURNS = {2: (False, 1), 3: (False, -1), 4: (False, 0), 5: (True, None), 6: (True, 1), 7: (True, -1), 8: (True, 0)}


@dataclass(frozen=True)
class Limits:
    """What is refused unread. More than 178 million pixels also needs a higher PIL.Image.MAX_IMAGE_PIXELS.

    Args:
        max_bytes: size of a file.
        max_pixels: width times height, as its header announces; decoding takes up to 14 bytes for each, 3 to 6 for a
            JPEG.
        max_seconds: how long a video may last.
    """

    max_bytes: int = 64 * 2**20
    max_pixels: int = 100_000_000
    max_seconds: float = 86_400


@dataclass(frozen=True)
class Picture:
    """A decoded image."""

    pixels: Pixels  # uint8 (height, width, 3), C-contiguous, RGB, upright
    format: str  # as sniffed from the bytes: "JPEG", "PNG", ...
    remark: str | None  # a harmless oddity, such as "PNG data in a file named .jpg"


def decode(data: bytes, name: str, limits: Limits) -> Picture:
    """The picture in `data`, the bytes of a file called `name` (path or URL: only its extension is looked at).

    Of several frames or pages the first is taken. Transparency is laid on white, 16-bit samples keep their high byte,
    EXIF orientation is applied. Colours are converted plainly: embedded ICC profiles, gamma and CMYK ink curves are
    ignored. The pixels of a JPEG are those that Pillow gives.

    Raises ImageError with EMPTY, TOO_LARGE, TOO_MANY_PIXELS, NOT_AN_IMAGE, UNSUPPORTED, TRUNCATED or UNDECODABLE, and
    nothing else; prints and warns nothing.
    """
    _ignore_warnings()
    if not data:
        raise ImageError(Status.EMPTY, "zero bytes")
    if len(data) > limits.max_bytes:
        raise ImageError(Status.TOO_LARGE, f"{len(data)} bytes, limit {limits.max_bytes}")
    format = sniff(data)
    if format is None:
        raise ImageError(Status.NOT_AN_IMAGE, f"no image format recognised, the file starts with {data[:12]!r}")
    if format not in READERS:
        raise ImageError(Status.UNSUPPORTED, f"{format} is not read")
    try:
        pixels, flaw = _read(data, format, limits)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(Status.TOO_MANY_PIXELS, str(error)) from error
    except Exception as error:  # on damaged files the plugins raise almost any type
        raise _trouble(error, data, format) from error
    remarks = [remark for remark in (flaw, contradiction(format, name)) if remark]
    return Picture(pixels, format, "; ".join(remarks) or None)


def _read(data: bytes, format: str, limits: Limits) -> tuple[Pixels, str | None]:
    """The upright pixels and a remark on a harmless flaw; raises anything that the readers raise."""
    _check_size(canvas(data, format), limits)
    source, flaw = essential_png(data) if format == "PNG" else (data, None)
    image = READERS[format](io.BytesIO(source))  # reads the header alone
    _check_size(image.size, limits)
    if isinstance(image, JpegImageFile):
        pixels, flaw = jpeg_pixels(data, image)
    else:
        _refuse_unsupported(image)
        pixels = _rgb(image)
    return _turned(pixels, _orientation(image)), flaw


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if max(size) >= 2**31:  # a negative number in the header
        raise ImageError(Status.UNDECODABLE, f"no possible size: {width} x {height} pixels")
    if width * height > limits.max_pixels:
        raise ImageError(Status.TOO_MANY_PIXELS, f"{width} x {height} pixels, limit {limits.max_pixels}")


def _refuse_unsupported(image: ImageFile) -> None:
    """Raise for what Pillow would read wrongly or at a crawl."""
    if isinstance(image, TiffImageFile):
        tags = image.tag_v2
        preview_first = tags.get(ExifTags.Base.NewSubfileType, 0) == 1 and ExifTags.Base.SubIFDs in tags
        if ExifTags.Base.DNGVersion in tags or preview_first:
            raise ImageError(Status.UNSUPPORTED, "camera raw is not read")
    if isinstance(image, PpmImageFile) and image.tile[0][0] != "raw":
        raise ImageError(Status.UNSUPPORTED, "PPM with an unusual greatest value is not read")


def _rgb(image: ImageFile) -> Pixels:
    image.load()
    if image.mode.startswith("I;16") or (image.mode == "I" and isinstance(image, PpmImageFile)):
        return np.dstack([_high_bits(image)] * 3)
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(layer, mask=layer)
        return np.array(white)
    if image.mode not in _OPAQUE:
        raise ImageError(Status.UNSUPPORTED, f"{image.format} samples of kind {image.mode} are not read")
    return np.array(image.convert("RGB"))


def _high_bits(image: ImageFile) -> Pixels:
    """The eight highest bits of 16-bit (in TIFF also 12-bit) grey samples, as Pillow takes them in 16-bit RGB."""
    bits, white_is_zero = 16, False
    if isinstance(image, TiffImageFile):
        bits = image.tag_v2.get(ExifTags.Base.BitsPerSample, (16,))[0]
        white_is_zero = image.tag_v2.get(ExifTags.Base.PhotometricInterpretation) == 0
    grey = (np.asarray(image) >> (bits - 8)).astype(np.uint8)
    return 255 - grey if white_is_zero else grey


def _orientation(image: ImageFile) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a damaged EXIF block, of whatever kind, leaves the picture as it is stored
        return 1


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    transpose, flip = _TURNS.get(orientation, (False, None))
    if transpose:
        pixels = cv2.transpose(pixels)
    return pixels if flip is None else cv2.flip(pixels, flip)


def _trouble(error: Exception, data: bytes, format: str) -> ImageError:
    """The status of a file that a reader gave up on."""
    text = " ".join(str(error).split())[:200] or type(error).__name__
    lower = text.lower()
    # Pillow wraps running out of bytes while it reads a header in a SyntaxError
    out_of_bytes = isinstance(error.__cause__, (IndexError, EOFError, struct.error))
    if out_of_bytes or "truncated" in lower or "reached eof" in lower or ends_early(data, format):
        return ImageError(Status.TRUNCATED, f"{format} file ends before its picture does")
    if "unsupported" in lower or "cannot handle" in lower or "unknown pixel mode" in lower:
        return ImageError(Status.UNSUPPORTED, f"{format}: {text}")
    return ImageError(Status.UNDECODABLE, f"{format}: {text}")


def _ignore_warnings() -> None:
    """Keep Pillow's warnings about damaged files out of the logs, also after some catch_warnings block has ended."""
    if not any(kind == "ignore" and module == _PILLOW for kind, _, _, module, _ in warnings.filters):
        warnings.filterwarnings("ignore", module=_PILLOW.pattern)


def _silence_pillow() -> None:
    """The same for what Pillow logs, and for what its libtiff prints past Python."""
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    libtiff = ctypes.CDLL(_imaging.__file__)
    for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
        if hasattr(libtiff, name):  # not where libtiff is linked in with hidden symbols
            handler = getattr(libtiff, name)
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)


_silence_pillow()
