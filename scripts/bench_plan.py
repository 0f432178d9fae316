"""What planning a night costs: a listing against an images table of as many rows.

python scripts/bench_plan.py --rows 10000000      one in a hundred is new, one changed, one gone

The table is a Delta table in a temporary folder, made first by another process, so that its memory does not count.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from tabulate import tabulate

from faceray.corpus.before import Before
from faceray.corpus.plan import make_plan
from faceray.corpus.source import LISTING, image_ids
from faceray.results.parts import write_part
from faceray.results.schema import IMAGES
from faceray.results.table import Table
from faceray.storage import Folder

BATCH = 100_000
MODELS = "mtcnn:00000000 sface:00000000 attributes:00000000"


def addresses(first: int, count: int) -> list[str]:
    """As a bucket with folders has them."""
    return [f"s3://bucket/photos/{i // 10_000:06}/{i:012}.jpg" for i in range(first, first + count)]


def listing(rows: int) -> Iterator[pa.RecordBatch]:
    """The first hundredth is gone, the next changed, and as many come new at the end."""
    start = rows // 100
    for first in range(start, rows + start, BATCH):
        uris = addresses(first, min(BATCH, rows + start - first))
        versions = ["2" if first + i < 2 * start else "1" for i in range(len(uris))]
        columns = [pa.array(image_ids(uris), pa.int64()), uris, versions, np.full(len(uris), 200_000)]
        yield pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, LISTING, strict=True)], LISTING)


def make_table(place: str, rows: int) -> None:
    """The images table after the last night."""
    table = Table(Folder.at(place), IMAGES)
    table.create()
    same = {"version": "1", "status": "ok", "bytes": 200_000, "sha256": "0" * 64, "format": "JPEG", "width": 1000}
    same |= {"height": 800, "face_count": 1, "models": MODELS, "run_id": "R", "annotated_at": datetime.now(UTC)}
    for first in range(0, rows, BATCH):
        uris = addresses(first, min(BATCH, rows - first))
        own = {"uri": pa.array(uris), "image_id": pa.array(image_ids(uris), pa.int64())}
        columns = [own.get(f.name, pa.repeat(pa.scalar(same.get(f.name), f.type), len(uris))) for f in IMAGES]
        part = write_part(table.folder, f"part-{first:012}.parquet", pa.table(columns, schema=IMAGES))
        table.commit(table.serial + 1, [part])


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        maker = multiprocessing.get_context("spawn").Process(target=make_table, args=(f"{folder}/images", rows))
        maker.start()
        maker.join()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start, worked = time.monotonic(), time.process_time()
        done = Table(Folder.at(f"{folder}/images"), IMAGES).dataset()
        known = Before(covers=lambda uri: uri.startswith("s3://bucket/photos/"))
        pieces = Folder.at(f"{folder}/plan")
        plan = make_plan(listing(rows), done, MODELS, None, pieces, before=known)
        seconds, worked = time.monotonic() - start, time.process_time() - worked
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        size = sum(file.stat().st_size for file in Path(folder, "plan").iterdir())
    print(
        tabulate(
            [
                ("listed", f"{plan.listed:,}"),
                ("rows of the table", f"{rows:,}"),
                *((reason, f"{count:,}") for reason, count in sorted(plan.by_reason.items())),
                ("gone", f"{len(plan.gone):,}"),
                ("pieces", f"{sum(plan.pieces):,} in {len(plan.pieces)} files, {size / 1e6:.1f} MB"),
                ("seconds", f"{seconds:.0f}"),
                ("CPU seconds", f"{worked:.0f}"),
                ("memory before", f"{before / 1e6:.2f} GB"),
                ("most memory", f"{after / 1e6:.2f} GB"),
            ],
            tablefmt="plain",
            disable_numparse=True,
        )
    )


if __name__ == "__main__":
    main()
