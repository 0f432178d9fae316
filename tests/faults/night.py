"""A whole corpus in a bucket: labelled while the job is killed, compared with a run from disk to disk, and the night
after."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from faceray.storage import Folder
from tests.faults.breaks import check, run_to_the_end
from tests.faults.place import ROOT, Place, lay_out, tables
from tests.s3 import BUCKET, storage

_KILLS = 3
_OF_THE_PLACE = ["image_id", "version", "face_id"]


def nights(place: Place, folder: Path, photos: Mapping[str, bytes]) -> Iterator[str]:
    """Tells what happened, step by step.

    Raises:
        AssertionError: the tables differ, or the night after fetched something else than what is new or changed.
    """
    start = time.monotonic()
    done = run_to_the_end(place, "labels", ["driver"] * _KILLS, len(photos), limit=7200)
    yield f"bucket to bucket: {dict(done)}, {time.monotonic() - start:.0f} s"
    start = time.monotonic()
    local = _from_disk_to_disk(place, folder, photos)
    found = place.tables("labels")
    yield f"disk to disk: {time.monotonic() - start:.0f} s; {len(local[0])} images, {len(local[1])} faces"
    check(found, found)
    for ours, theirs in zip(found, local, strict=True):
        pd.testing.assert_frame_equal(_anywhere(ours), _anywhere(theirs), check_dtype=False, rtol=1e-4, atol=1e-4)
    yield "the tables are equal"
    yield _night_after(place, photos)


def _from_disk_to_disk(place: Place, folder: Path, photos: Mapping[str, bytes]) -> tuple[pd.DataFrame, pd.DataFrame]:
    lay_out(folder / "photos", photos)
    command = [sys.executable, str(ROOT / "jobs" / "annotate.py"), "--input", f"{folder}/photos"]
    command += ["--output", f"{folder}/labels", "--attributes", "none", "--address", place.head.address]
    subprocess.run(command, check=True, capture_output=True)
    return tables(Folder.at(f"{folder}/labels"))


def _anywhere(rows: pd.DataFrame) -> pd.DataFrame:
    """Without what tells one place from another."""
    rows = rows.assign(uri=rows["uri"].str.partition("/photos/")[2]).drop(columns=_OF_THE_PLACE, errors="ignore")
    return rows.sort_values([c for c in ("uri", "face_index") if c in rows], ignore_index=True)


def _night_after(place: Place, photos: Mapping[str, bytes]) -> str:
    """1 % new, 1 % changed, 1 % gone."""
    bucket, names = Folder.at(f"s3://{BUCKET}/photos", storage(place.server)), sorted(photos)
    other, gone = names[1::100], names[33::100]
    changed = names[::100][: len(other)]
    new = [f"new/{i}.jpg" for i in range(len(other))]
    for name, source in zip([*new, *changed], [*changed, *other], strict=True):
        bucket.write(name, photos[source])
    for name in gone:
        bucket.remove(name)
    place.proxy.calm()
    run_to_the_end(place, "labels", [], len(photos))
    asked = [path.partition("?")[0] for method, path in place.proxy.asked if method == "GET"]
    fetched = sorted(path.partition("/photos/")[2] for path in asked if "/photos/" in path and path.endswith(".jpg"))
    assert sorted(set(fetched)) == sorted([*new, *changed]), f"{len(fetched)} requests for {len(set(fetched))} photos"
    again = len(fetched) - len(set(fetched))
    images, _ = place.tables("labels")
    assert len(images) == len(photos) + len(new)
    assert images["gone_at"].notna().sum() == len(gone)
    counts = f"{len(new)} new, {len(changed)} changed, {len(gone)} gone"
    return f"the night after: {counts}: {len(set(fetched))} photos fetched, {again} again for the report"
