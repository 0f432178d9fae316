"""Which image format a file is in, told from its bytes alone, and whether its name agrees."""

import re
from pathlib import PurePosixPath

# (offset, magic bytes, format). Longer magics stand before shorter ones that they contain.
_MAGIC = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG", "PNG"),  # four bytes of eight: also PNGs whose line ends a text-mode transfer has changed
    (0, b"GIF87a", "GIF"),
    (0, b"GIF89a", "GIF"),
    (0, b"II*\0\x10\0\0\0CR", "camera raw"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (4, b"jP  \r\n\x87\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"JXL \r\n\x87\n", "JPEG XL"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (0, b"8BPS", "PSD"),
    (0, b"gimp xcf", "XCF"),
    (0, b"FUJIFILMCCD-RAW", "camera raw"),
    (0, b"IIU\0", "camera raw"),
    (0, b"IIRO", "camera raw"),
    (0, b"IIRS", "camera raw"),
    (0, b"MMOR", "camera raw"),
    (0, b"FOVb", "camera raw"),
    (0, b"\0MRM", "camera raw"),
    (0, b"\0\0\1\0\1\0", "ICO"),
    (0, b"icns", "ICNS"),
    (0, b"qoif", "QOI"),
    (0, b"DDS ", "DDS"),
    (0, b"BPG\xfb", "BPG"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"AT&TFORM", "DjVu"),
    (0, b"%!PS-Adobe", "EPS"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (128, b"DICM", "DICOM"),
)
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"crx ": "camera raw"}
_BRANDS |= dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC")
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}  # bytes; "BM" alone is also how a sentence may start
_PNM = re.compile(rb"P([1-6])(?:\s|#[^\n]*\n)+\d+\s")
_SVG_ROOT = re.compile(rb"<svg[\s>]", re.IGNORECASE)

_EXTENSIONS = {
    "JPEG": ("jpg", "jpeg", "jpe", "jfif", "mpo"),
    "PNG": ("png", "apng"),
    "WebP": ("webp",),
    "GIF": ("gif",),
    "BMP": ("bmp", "dib"),
    "TIFF": ("tif", "tiff"),
    "PPM": ("ppm", "pgm", "pbm", "pnm"),
    "AVIF": ("avif", "avifs"),
    "JPEG 2000": ("jp2", "j2k", "jpf", "jpx", "j2c", "jpc"),
    "HEIC": ("heic", "heif", "hif"),
    "SVG": ("svg",),
    "PSD": ("psd",),
    "JPEG XL": ("jxl",),
}
_PROMISES = {extension: format for format, extensions in _EXTENSIONS.items() for extension in extensions}


def sniff(data: bytes) -> str | None:
    """The image format that the first bytes of `data` announce, such as "JPEG" or "HEIC"; None for no image."""
    for offset, magic, format in _MAGIC:
        if data.startswith(magic, offset):
            return format
    head = data[:4096]
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        return _brand(head)
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if match := _PNM.match(head):
        return "PPM" if match[1] in b"456" else "plain-text PPM"
    return "SVG" if _is_svg(head) else None


def _brand(head: bytes) -> str | None:
    """The format of an ISO base media file: images and films share the container, the brands tell them apart."""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    major, compatible = head[8:12], {head[i : i + 4] for i in range(16, end, 4)}
    if _BRANDS.get(major) == "HEIC" and compatible & {b"avif", b"avis"}:
        return "AVIF"
    return _BRANDS.get(major)


def _is_svg(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg")):
        return False
    return _SVG_ROOT.search(text) is not None and b"<html" not in text.lower()


def contradiction(format: str, name: str) -> str | None:
    """A remark if the extension of `name`, a path or URL, promises another image format than `format`."""
    extension = PurePosixPath(re.split(r"[?#]", name)[0]).suffix.lower()
    if _PROMISES.get(extension[1:], format) == format:
        return None
    return f"{format} data in a file named {extension}"
