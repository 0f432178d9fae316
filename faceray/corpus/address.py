"""Addresses of pictures inside other files: `…tar#member` and `…mp4#t=12.5`."""

import os
import re

VIDEOS = ("mp4", "m4v", "mov", "3gp", "mkv", "webm", "avi", "mpg", "mpeg", "mts", "m2ts")
_MEMBER = re.compile(r"(.*?\.tar)#(.+)", re.IGNORECASE | re.DOTALL)
_FRAME = re.compile(rf"(.*\.(?:{'|'.join(VIDEOS)}))#t=(\d{{1,9}}(?:\.\d{{1,6}})?)", re.IGNORECASE | re.DOTALL)
_OFFSET = re.compile(r".*@(\d{1,18})", re.DOTALL)


def is_tar(uri: str) -> bool:
    """Whether the name is a tar file's."""
    return uri.lower().endswith(".tar")


def is_video(uri: str) -> bool:
    """Whether the name is a video's."""
    return uri.lower().endswith(tuple(f".{ending}" for ending in VIDEOS))


def holds_images(uri: str) -> bool:
    """Whether to look inside."""
    return is_tar(uri) or is_video(uri)


def member_of(uri: str) -> tuple[str, str] | None:
    """Tar file and member, of an address of a member."""
    found = _MEMBER.fullmatch(uri)
    return (found[1], found[2]) if found and not _is_a_name(uri) else None


def frame_of(uri: str) -> tuple[str, float] | None:
    """Video and seconds from its start, of an address of a frame."""
    found = _FRAME.fullmatch(uri)
    return (found[1], float(found[2])) if found and not _is_a_name(uri) else None


def frame_uri(video: str, seconds: float) -> str:
    """The address of a frame; to the millisecond, upwards, so that the frame has begun."""
    thousandths = -int(-seconds * 1000 // 1)
    return f"{video}#t={thousandths / 1000:.3f}".rstrip("0").rstrip(".")


def member_version(version: str, offset: int) -> str:
    """The version of a tar file, and where in it the member's bytes are: both change what is read."""
    return f"{version}@{offset}"


def offset_in(version: str) -> int | None:
    """Where the member's bytes are, of what `member_version` gave."""
    found = _OFFSET.fullmatch(version)
    return int(found[1]) if found else None


def _is_a_name(uri: str) -> bool:
    """Files on disk may be called so."""
    path = uri.removeprefix("file://")
    return ("://" not in path) and "\0" not in path and os.path.lexists(path)
