"""What the container of an image file tells before any decoder sees it: canvas, checksums, an early end."""

import struct
import zlib

from faceray.corpus.status import ImageError, Status

# What the pixels and their orientation need; the rest (texts, profiles, frames) may hide compressed bombs.
_PNG_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"}
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # bytes of each field type
_TIFF_STARTS, _TIFF_LENGTHS = (273, 324), (279, 325)  # of the strips, or of the tiles


def canvas(data: bytes, format: str) -> tuple[int, int]:
    """(width, height) in pixels as a GIF or WebP header announces it; (0, 0) where it does not, or for other formats.

    These are the formats whose readers reserve memory for the canvas on opening already.
    """
    try:
        if format == "GIF":
            width, height = struct.unpack_from("<HH", data, 6)
            return width, height
        if format == "WebP":
            return _webp_canvas(data)
    except struct.error:
        pass
    return 0, 0


def _webp_canvas(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def essential_png(data: bytes) -> tuple[bytes, str | None]:
    """A PNG file reduced to the chunks that its pixels need, and a remark if the end chunk is missing.

    Raises ImageError with UNDECODABLE if one of these chunks does not match its checksum.
    """
    view, start = memoryview(data), 8
    parts = [view[:start]]
    while start + 8 <= len(data):
        end = start + 12 + int.from_bytes(view[start : start + 4], "big")
        kind = bytes(view[start + 4 : start + 8])
        if kind in _PNG_CHUNKS:
            parts.append(view[start:end])
            whole = end <= len(data)  # if not, the reader says whether pixels are missing
            if whole and zlib.crc32(view[start + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
                raise ImageError(Status.UNDECODABLE, f"PNG chunk {kind.decode()} does not match its checksum")
            if whole and kind == b"IEND":
                return b"".join(parts), None
        start = end
    return b"".join(parts), "PNG without end chunk"


def ends_early(data: bytes, format: str) -> bool:
    """Whether a file that could not be read is shorter than its container announces."""
    if format == "JPEG":
        return not data.endswith(b"\xff\xd9")
    if format == "PNG":
        return b"IEND" not in data
    if format == "WebP":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    if format == "TIFF":
        return _tiff_ends_early(data)
    if format == "AVIF":
        return _boxes_end_early(data)
    return False


def _tiff_ends_early(data: bytes) -> bool:
    order = "<" if data[:2] == b"II" else ">"
    fields: dict[int, tuple[int, ...]] = {}
    try:
        (directory,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind, length = struct.unpack_from(f"{order}HHI", data, entry)
            at = entry + 8
            if length * _TIFF_SIZES.get(kind, 0) > 4:
                (at,) = struct.unpack_from(f"{order}I", data, at)
            if at + length * _TIFF_SIZES.get(kind, 0) > len(data):
                return True
            if tag in _TIFF_STARTS + _TIFF_LENGTHS and kind in (3, 4):
                fields[tag] = struct.unpack_from(f"{order}{length}{'HI'[kind - 3]}", data, at)
    except struct.error:
        return True
    starts, lengths = ([v for tag in tags for v in fields.get(tag, ())] for tags in (_TIFF_STARTS, _TIFF_LENGTHS))
    return any(start + length > len(data) for start, length in zip(starts, lengths, strict=False))


def _boxes_end_early(data: bytes) -> bool:
    start = 0
    while start + 8 <= len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        if size < 8:  # 0: up to the end of the file; 1: a 64-bit size, beyond any limit here
            return False
        start += size
    return start != len(data)
