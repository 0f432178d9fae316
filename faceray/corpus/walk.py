"""All files below a folder or prefix. Buckets are listed in parallel, by sub-prefix."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from fsspec.implementations.local import LocalFileSystem

from faceray import s3
from faceray.corpus.listing import ROWS, Entry, chunks, version_of
from faceray.storage import Folder

THREADS = 32  # requests at the same time
_PAGE = 1000  # keys; the most that S3 gives at once
_DEEPEST = 4  # levels of folders that are looked through for enough sub-prefixes
T = TypeVar("T")
Skip = Callable[[str], bool]  # whether a folder, given by its URI, is not looked into


def walk(folder: Folder, skip: Skip) -> Iterator[list[Entry]]:
    """Every file below, in lists of at most ROWS; from buckets in no order. Links to folders are not followed."""
    if s3.is_s3(folder.uri):
        yield from _walk_s3(folder, skip)
    elif isinstance(folder.files, LocalFileSystem):
        yield from chunks(_walk_local(folder, skip))
    else:
        yield from chunks(_walk_levels(folder, skip))


def entry_of(files: Any, info: dict[str, Any]) -> Entry:
    """From what fsspec says of a file."""
    return Entry(str(files.unstrip_protocol(info["name"])), version_of(info), info.get("size"))


def _walk_local(folder: Folder, skip: Skip) -> Iterator[Entry]:
    files = folder.files
    for path, _, found in files.walk(folder.path or "/", detail=True):
        if not skip(str(files.unstrip_protocol(path))):
            infos = (info for _, info in sorted(found.items()))
            yield from (entry_of(files, info) for info in infos if is_file(info))


def is_file(info: dict[str, Any]) -> bool:
    """A link to a folder is not followed: it may lead in a circle."""
    return info["type"] != "directory" and not (info.get("islink") and os.path.isdir(info["name"]))


def _walk_levels(folder: Folder, skip: Skip) -> Iterator[Entry]:
    """Level by level, the folders of each at the same time."""
    files, level = folder.files, [folder.path]
    with ThreadPoolExecutor(THREADS) as pool:
        while level:
            below = []
            for found in pool.map(lambda path: files.ls(path, detail=True), level):
                for info in sorted(found, key=lambda info: str(info["name"])):
                    if info["type"] != "directory":
                        yield entry_of(files, info)
                    elif not skip(str(files.unstrip_protocol(info["name"]))):
                        below.append(info["name"])
            level = below


def _walk_s3(folder: Folder, skip: Skip) -> Iterator[list[Entry]]:
    """Levels of folders, until there are enough prefixes to list each of them whole, at the same time."""
    bucket, prefix = s3.split(f"{folder.uri}/")
    level, flat, deep = [prefix], list[str](), 0
    with ThreadPoolExecutor(THREADS) as pool:
        while level and len(level) + len(flat) < THREADS and deep < _DEEPEST:
            below: list[str] = []
            for entries, prefixes, whole in _together((_look(folder, bucket, p) for p in level), pool):
                below += prefixes
                flat += whole
                yield entries
            level, deep = [p for p in below if not skip(f"s3://{bucket}/{p.rstrip('/')}")], deep + 1
        yield from _together((_below(folder, bucket, p) for p in [*flat, *level]), pool)


def _together(iterators: Iterable[Iterator[T]], pool: ThreadPoolExecutor) -> Iterator[T]:
    """What they give, as it comes: THREADS of them at a time, each one item ahead."""
    waiting = iter(iterators)
    running: dict[Future[T | None], Iterator[T]] = {}
    while True:
        while len(running) < THREADS and (iterator := next(waiting, None)) is not None:
            running[pool.submit(next, iterator, None)] = iterator
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED)[0]:
            iterator, item = running.pop(future), future.result()
            if item is not None:
                running[pool.submit(next, iterator, None)] = iterator
                yield item


def _look(folder: Folder, bucket: str, prefix: str) -> Iterator[tuple[list[Entry], list[str], list[str]]]:
    """Pages of one level: its objects, and the prefixes below. Of a long one without prefixes only its own."""
    for number, page in enumerate(_pages(folder, bucket, prefix, "/")):
        below = [found["Prefix"] for found in page.get("CommonPrefixes", ())]
        if number == 0 and page.get("IsTruncated") and not below:
            yield [], [], [prefix]
            return
        yield _entries(bucket, page), below, []


def _below(folder: Folder, bucket: str, prefix: str) -> Iterator[list[Entry]]:
    """Every object with a prefix, by obstore; from the first key on that it has no name for, by s3fs."""
    last = prefix
    try:
        for batch in s3.store(bucket, folder.storage, retries=10).list(prefix, chunk_size=ROWS, return_arrow=True):
            columns = (batch[name].to_pylist() for name in ("path", "e_tag", "size", "last_modified"))
            rows = list(zip(*columns, strict=True))
            yield [
                Entry(f"s3://{bucket}/{key}", version_of({"etag": etag, "size": size, "mtime": changed}), size)
                for key, etag, size, changed in rows
                if size or "." in key.rpartition("/")[2]  # else a folder's marker, its slash taken away
            ]
            last = rows[-1][0]
    except Exception:  # a wrong credential fails here, too, and then again below, with its reason
        for page in _pages(folder, bucket, prefix, after=last):
            yield _entries(bucket, page)


def _pages(folder: Folder, bucket: str, prefix: str, delimiter: str = "", after: str = "") -> Iterator[dict[str, Any]]:
    more = {"Delimiter": delimiter} if delimiter else {}
    at = {"StartAfter": after} if after else {}
    while True:
        page = folder.files.call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=_PAGE, **more, **at)
        yield page
        if not page.get("IsTruncated"):
            return
        at = {"ContinuationToken": page["NextContinuationToken"]}


def _entries(bucket: str, page: dict[str, Any]) -> list[Entry]:
    found = ((info["Key"], info) for info in page.get("Contents", ()))
    return [
        Entry(f"s3://{bucket}/{key}", version_of({**info, "size": info["Size"]}), info["Size"])
        for key, info in found
        if not key.endswith("/")
    ]
