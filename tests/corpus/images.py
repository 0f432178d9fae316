"""A factory of image files for tests."""

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import ExifTags, Image, features

Pixels = NDArray[np.uint8]
Transpose = Image.Transpose

# How an upright picture is stored, so that this EXIF orientation turns it back.
STORED = {
    1: None,
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}


def sample_picture(height: int = 64, width: int = 96) -> Pixels:
    """A smooth picture without any symmetry: uint8 (height, width, 3)."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 40 + 200 * x / width, 40 + 200 * y / height
    blue = 128 + 100 * np.sin(x / 9 + y / 23)
    picture = np.dstack([red, green, blue]).astype(np.uint8)
    picture[height // 8 : height // 3, width // 8 : width // 3] = (230, 30, 60)
    return picture


def expected(name: str, picture: Pixels) -> tuple[Pixels, float]:
    """What the file `name` of `good_images` shows, and the mean absolute error per sample that its kind may have."""
    image = Image.fromarray(picture)
    if "bilevel" in name:
        return np.asarray(image.convert("1").convert("RGB")), 0
    if "grey" in name:
        picture = np.asarray(image.convert("L").convert("RGB"))
    if "alpha" in name:
        picture = punched(picture)
    lossy = any(part in name for part in (".jp", ".mpo", ".gif", ".avif", "palette", "lossy", "jpeg"))
    return picture, 6 if lossy else 0


def punched(picture: Pixels) -> Pixels:
    """What a picture whose upper left quarter is transparent looks like on white."""
    picture = picture.copy()
    picture[: picture.shape[0] // 2, : picture.shape[1] // 2] = 255
    return picture


def save(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_file(width: int, height: int, rows: bytes, *extra: bytes, interlaced: bool = False) -> bytes:
    """An 8-bit RGB PNG from filtered rows, with extra chunks between its header and its pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced)
    pixels = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + b"".join(extra) + pixels + png_chunk(b"IEND", b"")


def rows_of(picture: Pixels) -> bytes:
    """Unfiltered PNG rows: a zero byte before each."""
    return b"".join(b"\0" + row.tobytes() for row in picture)


def interlaced_png(picture: Pixels) -> bytes:
    starts_and_steps = (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    )
    rows = b"".join(rows_of(picture[y::dy, x::dx]) for y, x, dy, dx in starts_and_steps)
    return png_file(picture.shape[1], picture.shape[0], rows, interlaced=True)


def grey_tiff(width: int, height: int, bits: int, photometric: int, samples: bytes) -> bytes:
    """An uncompressed TIFF of one strip. Photometric 0: the least value is white; 1: it is black."""
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 98, 279: len(samples)}
    fields = b"".join(
        struct.pack("<HHII", tag, 4 if tag in (256, 257) else 3, 1, value) for tag, value in tags.items()
    )
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + fields + bytes(4) + samples


def good_images(picture: Pixels) -> dict[str, bytes]:
    """Files of every kind that is read, by name. They show `picture`, uint8 (h, w, 3), as `expected` says."""
    image = Image.fromarray(picture)
    return _jpegs(picture, image) | _pngs(picture, image) | _tiffs(picture, image) | _others(picture, image)


def _jpegs(picture: Pixels, image: Image.Image) -> dict[str, bytes]:
    inks = np.asarray(image.convert("CMYK"))
    files = {
        "baseline.jpg": save(image, "JPEG", quality=95),
        "progressive.jpg": save(image, "JPEG", quality=95, progressive=True),
        "subsampled.jpeg": save(image, "JPEG", quality=95, subsampling="4:2:0"),
        "restarts.jpg": save(image, "JPEG", quality=95, restart_marker_rows=1),
        "rgb.jpg": save(image, "JPEG", quality=95, keep_rgb=True),
        "grey.jpg": save(image.convert("L"), "JPEG", quality=95),
        "cmyk-adobe.jpg": save(Image.fromarray(inks, "CMYK"), "JPEG", quality=95),
        "cmyk-plain.jpg": without_adobe(save(Image.fromarray(255 - inks, "CMYK"), "JPEG", quality=95)),
        "ycck.jpg": simplejpeg.encode_jpeg(np.ascontiguousarray(255 - inks), 95, "CMYK"),
        "two-pictures.mpo": save(image, "MPO", quality=95, save_all=True, append_images=[image.rotate(90)]),
        "film-appended.jpg": save(image, "JPEG", quality=95) + b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 8,
    }
    return files | {
        f"turned-{turn}.jpg": save(stored(image, turn), "JPEG", quality=95, exif=exif(turn)) for turn in STORED
    }


def _pngs(picture: Pixels, image: Image.Image) -> dict[str, bytes]:
    rgba = transparent(image)
    wide = picture.astype(np.uint16) * 257
    icc = png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(1 << 16)))
    return {
        "rgb.png": save(image, "PNG"),
        "palette.png": save(image.quantize(256), "PNG"),
        "palette-alpha.png": save(rgba.quantize(256, Image.Quantize.FASTOCTREE), "PNG"),
        "grey.png": save(image.convert("L"), "PNG"),
        "grey-alpha.png": save(rgba.convert("LA"), "PNG"),
        "grey-16-bit.png": save(Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), "PNG"),
        "16-bit.png": encoded(".png", wide),
        "alpha.png": save(rgba, "PNG"),
        "alpha-16-bit.png": encoded(".png", np.asarray(rgba).astype(np.uint16) * 257),
        "interlaced.png": interlaced_png(picture),
        "bilevel.png": save(image.convert("1"), "PNG"),
        "animated.png": save(image, "PNG", save_all=True, append_images=[image.rotate(180)]),
        "profile.png": png_file(picture.shape[1], picture.shape[0], rows_of(picture), icc),
        "turned.png": save(stored(image, 8), "PNG", exif=exif(8)),
    }


def _tiffs(picture: Pixels, image: Image.Image) -> dict[str, bytes]:
    files = {
        f"{name}.tif": save(image, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits")
    }
    return files | {
        "plain.tiff": save(image, "TIFF"),
        "jpeg-inside.tif": save(image, "TIFF", compression="jpeg", quality=95),
        "grey.tif": save(image.convert("L"), "TIFF"),
        "grey-16-bit.tif": save(Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257), "TIFF"),
        "16-bit.tif": encoded(".tiff", picture.astype(np.uint16) * 257),
        "cmyk.tif": save(image.convert("CMYK"), "TIFF"),
        "alpha.tif": save(transparent(image), "TIFF"),
        "palette.tif": save(image.quantize(256), "TIFF"),
        "bilevel.tif": save(image.convert("1"), "TIFF", compression="group4"),
        "two-pages.tif": save(image, "TIFF", save_all=True, append_images=[image.rotate(90)]),
        "turned.tif": save(stored(image, 6), "TIFF", tiffinfo={ExifTags.Base.Orientation: 6}),
        "turned-lzw.tif": save(
            stored(image, 7), "TIFF", compression="tiff_lzw", tiffinfo={ExifTags.Base.Orientation: 7}
        ),
    }


def _others(picture: Pixels, image: Image.Image) -> dict[str, bytes]:
    rgba, palette = transparent(image), image.quantize(255)
    bmp = save(image, "BMP")
    stride = (image.width * 3 + 3) // 4 * 4
    lines = [bmp[start : start + stride] for start in range(54, 54 + stride * image.height, stride)]
    palette_alpha = palette.copy()
    palette_alpha.paste(255, (0, 0, image.width // 2, image.height // 2))
    grey16 = np.asarray(image.convert("L")).astype(">u2") * 257
    files = {"lossy.avif": save(image, "AVIF", quality=95)} if features.check("avif") else {}
    return files | {
        "lossy.webp": save(image, "WEBP", quality=95),
        "lossless.webp": save(image, "WEBP", lossless=True),
        "alpha.webp": save(rgba, "WEBP", lossless=True),
        "animated.webp": save(image, "WEBP", lossless=True, save_all=True, append_images=[image.rotate(180)]),
        "turned.webp": save(stored(image, 3), "WEBP", lossless=True, exif=exif(3)),
        "still.gif": save(palette, "GIF"),
        "alpha.gif": save(palette_alpha, "GIF", transparency=255),
        "animated.gif": save(palette, "GIF", save_all=True, append_images=[palette.rotate(180)]),
        "plain.bmp": bmp,
        "top-down.bmp": bmp[:22] + struct.pack("<i", -image.height) + bmp[26:54] + b"".join(reversed(lines)),
        "palette.bmp": save(palette, "BMP"),
        "grey.bmp": save(image.convert("L"), "BMP"),
        "plain.ppm": save(image, "PPM"),
        "grey.pgm": save(image.convert("L"), "PPM"),
        "grey-16-bit.pgm": b"P5\n# comment\n%d %d\n65535\n" % image.size + grey16.tobytes(),
    }


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    return tags


def stored(image: Image.Image, orientation: int) -> Image.Image:
    turn = STORED[orientation]
    return image if turn is None else image.transpose(turn)


def transparent(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    rgba.paste((0, 0, 0, 0), (0, 0, image.width // 2, image.height // 2))
    return rgba


def encoded(extension: str, samples: NDArray[np.uint16]) -> bytes:
    """16-bit colour, which Pillow does not write."""
    order = cv2.COLOR_RGB2BGR if samples.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    _, data = cv2.imencode(extension, cv2.cvtColor(samples, order))
    return bytes(data)


def without_adobe(jpeg: bytes) -> bytes:
    start = jpeg.index(b"\xff\xee")
    return jpeg[:start] + jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big") :]
