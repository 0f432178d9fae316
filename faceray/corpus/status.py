"""How the work on an image can end: every image gets exactly one of these."""

from enum import StrEnum


class Status(StrEnum):
    """The `status` column of the images table. Only `ok` images have faces."""

    OK = "ok"  # decoded and searched for faces; face_count may be 0
    EMPTY = "empty"  # zero bytes
    TOO_LARGE = "too_large"  # more bytes than the limit
    TOO_MANY_PIXELS = "too_many_pixels"  # the header announces more pixels than the limit: a decompression bomb
    NOT_AN_IMAGE = "not_an_image"  # no image format recognised in the bytes
    UNSUPPORTED = "unsupported"  # an image format that is recognised but not read, such as HEIC or SVG
    TRUNCATED = "truncated"  # the file ends before its picture does
    UNDECODABLE = "undecodable"  # right format, damaged inside
    NOT_FOUND = "not_found"  # no such object
    FORBIDDEN = "forbidden"  # exists, may not be read
    FETCH_ERROR = "fetch_error"  # any other trouble in reading the bytes
    FAILED = "failed"  # decoded, but a later stage raised
    CRASHED = "crashed"  # the process that worked on it died, and again when it worked on nothing else
    TIMEOUT = "timeout"  # the work on it did not end in time


class ImageError(Exception):
    """One image cannot be used; carries its status. Never leaves the stage that raised it."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status
