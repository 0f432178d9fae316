"""Reading and listing a bucket: obstore, which faceray uses, beside s3fs and pyarrow.

python scripts/bench_storage.py                                               on a SeaweedFS started for it
python scripts/bench_storage.py --storage.endpoint https://… --bucket NAME    on any other, below the prefix bench/
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.fs
from tabulate import tabulate

from faceray import s3
from faceray.cli import parse
from faceray.storage import Folder, StorageOptions

Get = Callable[[str], int]
_PREFIX = "bench"


@dataclass(frozen=True)
class BenchOptions:
    """Compare clients of S3, in turns.

    Args:
        bucket: that may be written to.
        objects: how many are read.
        bytes: of each.
        listed: how many are listed: empty objects in 16 sub-prefixes.
        threads: that read at the same time, separated by commas.
        rounds: the median of these is shown.
        storage: how the bucket is reached; a server is started where no endpoint is given.
    """

    bucket: str = "corpus"
    objects: int = 1000
    bytes: int = 100_000
    listed: int = 20_000
    threads: str = "1,8,32"
    rounds: int = 3
    storage: StorageOptions = field(default_factory=StorageOptions)


def main() -> None:
    options = parse(BenchOptions, sys.argv[1:], "bench_storage")
    with _reached(options) as storage:
        client = s3.store(options.bucket, storage, retries=10)
        names = [f"{_PREFIX}/read/{number % 10}/{number:06}.jpg" for number in range(options.objects)]
        empty = [f"{_PREFIX}/listed/{number % 16}/{number:06}.jpg" for number in range(options.listed)]
        data = os.urandom(options.bytes)
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda name: client.put(name, data), names))
            list(pool.map(lambda name: client.put(name, b""), empty))
        print(f"{options.objects} objects of {options.bytes} bytes, {options.rounds} rounds, {os.cpu_count()} cores")
        print(tabulate(_reading(options, storage, names), ("client", "threads", "objects/s", "CPU ms each")))
        print(tabulate(_listing(options, storage), ("client", "keys", "keys/s", "CPU µs each")))


def _reading(options: BenchOptions, storage: StorageOptions, names: list[str]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for threads in map(int, options.threads.split(",")):
        times: dict[str, list[tuple[float, float]]] = {}
        for _ in range(options.rounds):
            for name, get in _clients(options, storage).items():
                get(names[0])  # connect
                with ThreadPoolExecutor(threads) as pool, _timed(times.setdefault(name, [])):
                    assert sum(pool.map(get, names)) == len(names) * options.bytes
        rows += [(name, threads, *_median(found, len(names), 1e3)) for name, found in times.items()]
    return rows


def _clients(options: BenchOptions, storage: StorageOptions) -> dict[str, Get]:
    obstore, fsspec = s3.store(options.bucket, storage), Folder(f"s3://{options.bucket}", storage).files
    keys = storage.for_delta("s3://") or {}
    arrow = pyarrow.fs.S3FileSystem(
        access_key=keys.get("AWS_ACCESS_KEY_ID"),
        secret_key=keys.get("AWS_SECRET_ACCESS_KEY"),
        session_token=keys.get("AWS_SESSION_TOKEN"),
        region=keys["AWS_REGION"],
        endpoint_override=keys.get("AWS_ENDPOINT_URL"),
    )

    def by_arrow(name: str) -> int:
        with arrow.open_input_file(f"{options.bucket}/{name}") as file:
            return len(file.read())

    most = 64 * 2**20  # faceray asks for a range: one request, however large the object is said to be
    return {
        "obstore": lambda name: len(obstore.get_range(name, start=0, end=most)),
        "s3fs": lambda name: len(fsspec.cat_file(f"{options.bucket}/{name}", start=0, end=most)),
        "pyarrow": by_arrow,
    }


def _listing(options: BenchOptions, storage: StorageOptions) -> list[tuple[object, ...]]:
    """One prefix after the other: what each client costs, without the help of threads."""
    obstore, fsspec = s3.store(options.bucket, storage), Folder(f"s3://{options.bucket}", storage).files

    def by_obstore() -> int:
        pages = obstore.list(f"{_PREFIX}/listed", chunk_size=10_000, return_arrow=True)
        return sum(len(page["path"].to_pylist()) for page in pages)

    def by_s3fs() -> int:
        return len(fsspec.find(f"{options.bucket}/{_PREFIX}/listed", detail=True))

    times: dict[str, list[tuple[float, float]]] = {}
    for _ in range(options.rounds):
        for name, listed in (("obstore", by_obstore), ("s3fs", by_s3fs)):
            with _timed(times.setdefault(name, [])):
                assert listed() == options.listed
    return [(name, options.listed, *_median(found, options.listed, 1e6)) for name, found in times.items()]


@contextmanager
def _timed(times: list[tuple[float, float]]) -> Iterator[None]:
    wall, processor = time.perf_counter(), time.process_time()
    yield
    times.append((time.perf_counter() - wall, time.process_time() - processor))


def _median(times: list[tuple[float, float]], count: int, unit: float) -> tuple[float, float]:
    wall, processor = (statistics.median(side) for side in zip(*times, strict=True))
    return round(count / wall), round(unit * processor / count, 3)


@contextmanager
def _reached(options: BenchOptions) -> Iterator[StorageOptions]:
    if options.storage.endpoint:
        yield options.storage
        return
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from tests.s3 import KEY, SECRET, S3Server, make_bucket, storage

    os.environ |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    with tempfile.TemporaryDirectory() as folder:
        server = S3Server(Path(folder))
        try:
            server.start()
            make_bucket(server, options.bucket)
            yield storage(server)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
