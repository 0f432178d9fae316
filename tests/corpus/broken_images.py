"""Image files that cannot be read, and files that are no images, for tests."""

import gzip
import io
import json
import struct
import tarfile
import zipfile

import numpy as np
from PIL import ExifTags, Image, features

from faceray.corpus.status import Status
from tests.corpus.images import Pixels, exif, grey_tiff, png_chunk, png_file, rows_of, save


def broken_images(picture: Pixels) -> dict[str, tuple[bytes, Status]]:
    """Files that are not read, by name, each with the status that `decode` ends in."""
    return _cut(picture) | _damaged(picture) | _bombs() | _unsupported(picture) | _no_images()


def _cut(picture: Pixels) -> dict[str, tuple[bytes, Status]]:
    image = Image.fromarray(picture)
    whole = {
        "cut.jpg": save(image, "JPEG", quality=90),
        "cut-progressive.jpg": save(image, "JPEG", quality=90, progressive=True),
        "cut-with-exif.jpg": save(image, "JPEG", quality=90, exif=exif(6)),
        "cut.png": save(image, "PNG"),
        "cut.webp": save(image, "WEBP"),
        "cut-lossless.webp": save(image, "WEBP", lossless=True),
        "cut.gif": save(image.quantize(64), "GIF"),
        "cut.bmp": save(image, "BMP"),
        "cut.tif": save(image, "TIFF"),
        "cut-lzw.tif": save(image, "TIFF", compression="tiff_lzw"),
        "cut-jpeg.tif": save(image, "TIFF", compression="jpeg"),
        "cut.ppm": save(image, "PPM"),
    }
    if features.check("avif"):
        whole["cut.avif"] = save(image, "AVIF")
    cuts = {
        f"{percent}%-{name}": (data[: len(data) * percent // 100], Status.TRUNCATED)
        for name, data in whole.items()
        for percent in (5, 30, 60, 95)
    }
    jpeg, progressive = whole["cut.jpg"], whole["cut-progressive.jpg"]
    scan = jpeg.index(b"\xff\xda")
    return cuts | {
        "header-only.jpg": (jpeg[:scan], Status.TRUNCATED),
        "no-pixel.jpg": (jpeg[: scan + 14], Status.TRUNCATED),
        "last-block-missing.jpg": (jpeg[:-4], Status.TRUNCATED),
        "last-scan-missing.jpg": (progressive[: progressive.rindex(b"\xff\xda")], Status.TRUNCATED),
        "header-only.png": (whole["cut.png"][:33], Status.TRUNCATED),
        "header-only.gif": (whole["cut.gif"][:13], Status.TRUNCATED),
    }


def _damaged(picture: Pixels) -> dict[str, tuple[bytes, Status]]:
    image = Image.fromarray(picture)
    width = picture.shape[1]
    jpeg, png = save(image, "JPEG", quality=90), save(image, "PNG")
    webp, lzw = save(image, "WEBP"), save(image, "TIFF", compression="tiff_lzw")
    scan, tables = jpeg.index(b"\xff\xda") + 14, jpeg.index(b"\xff\xc4")
    middle = (scan + len(jpeg)) // 2
    bmp = save(image, "BMP")
    rows = rows_of(picture)
    damaged = {
        "zeros-inside.jpg": jpeg[:middle] + bytes(100) + jpeg[middle + 100 :],
        "half-lost.jpg": jpeg[:middle] + jpeg[-2:],
        "bad-codes.jpg": jpeg[:scan] + b"\xfe" * (len(jpeg) - scan - 2) + jpeg[-2:],
        "bad-tables.jpg": jpeg[: tables + 5] + b"\xff" * 16 + jpeg[tables + 21 :],
        "changed-byte.png": png[:80] + bytes([png[80] ^ 1]) + png[81:],
        "wrong-checksum.png": png[:-16] + bytes(4) + png[-12:],
        "wrong-header-checksum.png": png[:29] + bytes(4) + png[33:],
        "line-ends-changed.png": png.replace(b"\r\n", b"\n"),
        "bad-zlib.png": b"".join((png[:33], png_chunk(b"IDAT", b"\x78\x9c" + b"\xff" * 500), png_chunk(b"IEND", b""))),
        "no-size.png": png_file(0, 0, rows),
        "garbage.webp": webp[:30] + b"\x5a" * (len(webp) - 30),
        "no-picture.webp": b"RIFF" + struct.pack("<I", 4 + 8 + 8) + b"WEBPJUNK" + struct.pack("<I", 8) + bytes(8),
        "bad-lzw.tif": lzw[:60] + b"\xff" * 400 + lzw[460:],
        "no-size.bmp": bmp[:18] + struct.pack("<ii", 0, 0) + bmp[26:],
        "negative-width.bmp": bmp[:18] + struct.pack("<i", -width) + bmp[22:],
        "no-size.gif": b"GIF89a" + bytes(7) + b"\x2c" + bytes(9) + b"\x02\x02\x4c\x01\x00\x3b",
        "no-size.ppm": b"P6\n0 0\n255\n",
    }
    return {name: (data, Status.UNDECODABLE) for name, data in damaged.items()}


def _bombs() -> dict[str, tuple[bytes, Status]]:
    side = 60_000
    rows = bytes(1000)
    gif_frame = b"\x2c" + struct.pack("<HHHH", 0, 0, side, side) + b"\0\x02\x02\x4c\x01\x00\x3b"
    jpeg = bytearray(save(Image.new("RGB", (16, 16)), "JPEG"))
    size = jpeg.index(b"\xff\xc0") + 5
    jpeg[size : size + 4] = struct.pack(">HH", side, side)
    webp_size = (12_000 - 1).to_bytes(3, "little") * 2
    bombs = {
        "bomb.png": png_file(side, side, rows),
        "bomb.gif": b"GIF89a" + struct.pack("<HH", side, side) + bytes(3) + gif_frame,
        "bomb-frame.gif": b"GIF89a" + struct.pack("<HH", 1, 1) + bytes(3) + gif_frame,
        "bomb.jpg": bytes(jpeg),
        "bomb.tif": grey_tiff(side, side, 8, 1, b""),
        "bomb.bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0),
        "bomb.webp": b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + webp_size,
        "bomb.ppm": b"P6\n%d %d\n255\n" % (side, side) + rows,
    }
    return {name: (data, Status.TOO_MANY_PIXELS) for name, data in bombs.items()}


def _unsupported(picture: Pixels) -> dict[str, tuple[bytes, Status]]:
    brand = b"\0\0\0\x18ftyp%s\0\0\0\0mif1heic" + bytes(100)
    jpeg = bytearray(save(Image.fromarray(picture), "JPEG"))
    jpeg[jpeg.index(b"\xff\xc0") + 4] = 12
    float_tiff = save(Image.fromarray(picture[:, :, 0].astype(np.float32)), "TIFF")
    kinds = {
        "photo.heic": brand % b"heic",
        "photo.heif": brand % b"mif1",
        "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
        "drawing-with-prolog.svg": b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="9" height="9"></svg>',
        "layers.psd": b"8BPS\0\x01" + bytes(100),
        "photo.jxl": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100),
        "photo.jp2": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
        "photo.cr2": b"II*\0\x10\0\0\0CR\x02\0" + bytes(100),
        "photo.cr3": brand % b"crx ",
        "photo.dng": save(Image.fromarray(picture), "TIFF", tiffinfo={ExifTags.Base.DNGVersion: b"\1\4\0\0"}),
        "favicon.ico": save(Image.fromarray(picture), "ICO", sizes=[(16, 16)]),
        "figure.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "plain-text.ppm": b"P3\n1 1\n255\n1 2 3\n",
        "seven-levels.pgm": b"P5\n2 2\n7\n\0\1\2\3",
        "12-bit.jpg": bytes(jpeg),
        "float.tif": float_tiff,
    }
    return {name: (data, Status.UNSUPPORTED) for name, data in kinds.items()}


def _no_images() -> dict[str, tuple[bytes, Status]]:
    archive, tape = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("photo.jpg", b"inside")
    with tarfile.open(fileobj=tape, mode="w") as file:
        file.addfile(tarfile.TarInfo("photo.jpg"))
    page = b"<!DOCTYPE html><html><body><h1>404 Not Found</h1><svg></svg></body></html>"
    kinds = {
        "one-byte.jpg": b"\xff",
        "two-bytes.jpg": b"\xff\xd8",
        "text.jpg": b"This is no picture.\n",
        "sentence.bmp": b"BMP files start with these two letters, and so does this text.",
        "error-page.jpg": page,
        "error-page.svg": b'<?xml version="1.0"?>\n' + page,
        "error.xml": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        "error.json": json.dumps({"error": "quota exceeded"}).encode(),
        "utf-16.jpg": "no picture".encode("utf-16"),
        "random.jpg": np.random.default_rng(7).bytes(5000),
        "zeros.jpg": bytes(4096),
        "ones.jpg": b"\xff" * 4096,
        "archive.jpg": archive.getvalue(),
        "tape.jpg": tape.getvalue(),
        "packed.jpg.gz": gzip.compress(b"inside", mtime=0),
        "document.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n",
        "film.jpg": b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2" + bytes(100),
        "film.webp": b"RIFF" + struct.pack("<I", 100) + b"AVI LIST" + bytes(92),
        "sound.wav": b"RIFF" + struct.pack("<I", 100) + b"WAVEfmt " + bytes(92),
        "program.jpg": b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff" + bytes(100),
        "program.png": b"\x7fELF\2\1\1" + bytes(100),
        "table.parquet": b"PAR1" + bytes(100) + b"PAR1",
    }
    return {name: (data, Status.NOT_AN_IMAGE) for name, data in kinds.items()} | {"empty.jpg": (b"", Status.EMPTY)}
