"""Break the job at random moments, many times, and compare its tables with those of an unbroken run.

python -m tests.faults --breaks 50 --seed 0 --photos 150     some of LFW (FACERAY_DATA); exit code 1 if a row differs
python -m tests.faults --lfw                                 all of LFW, the job killed three times; the night after
python -m tests.faults --hosts                               two hosts, one cut off in the middle (as root)
python -m tests.faults --disk                                a disk that is full, again and again (as root)
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tabulate import tabulate

from tests.faults.breaks import BREAKS, check, run_to_the_end
from tests.faults.disk import fill_up
from tests.faults.hosts import cut_off
from tests.faults.night import nights
from tests.faults.place import Place, place

_AT_ONCE = 3  # breaks in one run


def photos(count: int | None) -> dict[str, bytes]:
    """Of LFW, evenly spread."""
    if "FACERAY_DATA" not in os.environ:
        sys.exit("set FACERAY_DATA to the folder that has LFW in lfw/")
    files = sorted(Path(os.environ["FACERAY_DATA"], "lfw").rglob("*.jpg"))
    chosen = files if count is None else files[:: max(1, len(files) // count)][:count]
    return {f"{file.parent.name}/{file.name}": file.read_bytes() for file in chosen}


def broken_runs(found: Place, corpus: dict[str, bytes], breaks: int) -> bool:
    """Run after run, until there have been enough breaks."""
    run_to_the_end(found, "whole", [], len(corpus))
    whole, total, failures, number = found.tables("whole"), Counter[str](), 0, 0
    while sum(total[kind] for kind in BREAKS) < breaks:
        number += 1
        kinds = found.dice.choices(list(BREAKS), k=_AT_ONCE)
        start = time.monotonic()
        try:
            done = run_to_the_end(found, f"broken-{number}", kinds, len(corpus))
            check(found.tables(f"broken-{number}"), whole)
            result = "equal"
        except (AssertionError, TimeoutError) as error:
            failures, result, done = failures + 1, f"DIFFERENT: {error}", Counter(kinds)
        total += done
        seconds = time.monotonic() - start
        print(f"run {number}: {', '.join(kinds)}; {done['starts']} starts, {seconds:.0f} s, {result}", flush=True)
    rows = [(kind, total[kind]) for kind in (*BREAKS, "starts", "missed")]
    print(tabulate([*rows, ("runs", number), ("runs that differ", failures)], tablefmt="plain"))
    return not failures


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--breaks", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--photos", type=int, default=150)
    parser.add_argument("--lfw", action="store_true")
    parser.add_argument("--hosts", action="store_true")
    parser.add_argument("--disk", action="store_true")
    options = parser.parse_args()
    corpus = photos(None if options.lfw else options.photos)
    if options.hosts or options.disk:
        with tempfile.TemporaryDirectory() as folder:
            print((cut_off if options.hosts else fill_up)(Path(folder), corpus))
        return
    with tempfile.TemporaryDirectory() as folder, place(Path(folder), options.seed) as found:
        found.upload(corpus)
        if options.lfw:
            for line in nights(found, Path(folder), corpus):
                print(line, flush=True)
        elif not broken_runs(found, corpus, options.breaks):
            sys.exit(1)


if __name__ == "__main__":
    main()
