"""Stages that survive a picture which kills or hangs the process that works on it."""

import faulthandler
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from faceray.corpus.status import Status
from faceray.inference.child import Child, Lost

_ROOM = "faceray-begun"  # below the machine's folder for temporary files
_KEPT = 7 * 86_400  # seconds that the marks of a run stay


class Stage(Protocol):
    """What can be guarded. `beat` is called whenever a picture is finished."""

    beat: Callable[[], None]

    def rows(self, batch: pa.Table) -> pa.Table:
        """What a batch stands for: a row for each picture."""

    def work(self, rows: pa.Table) -> pa.Table:
        """The stage's own work: a row for each picture."""

    def lost(self, rows: pa.Table, status: Status, reason: str) -> pa.Table:
        """The result for pictures that could not be worked on."""


class Guarded:
    """A stage that leaves a mark on its machine when it begins a batch, and takes it away at the end.

    Where the mark is found, a process has died over these very pictures: they are then worked on one by one in a
    process of their own, and the one that ends or hangs it gets its status. Without trouble this costs two system
    calls a batch. Ray tries a batch again without end; each machine sees a bad one die once at most.

    Args:
        arguments: of the stage. run: tells runs apart, so that no mark of an earlier one is found.
        seconds: a process in which no picture is finished for so long ends itself, even where Python cannot run.
    """

    kind: ClassVar[type[Any]]

    def __init__(self, arguments: tuple[Any, ...], run: str, seconds: float) -> None:
        self.arguments, self.seconds = arguments, seconds
        self.room = f"{_ROOM}/{hashlib.sha256(run.encode()).hexdigest()[:16]}"
        self.stage: Stage = self.kind(*arguments)
        _tidy()

    def __call__(self, batch: pa.Table) -> pa.Table:
        rows = self.stage.rows(batch)
        mark = self._mark(rows)
        work = self._one_by_one if mark.exists() else self._together
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        try:
            return work(rows)
        finally:  # an exception is no death
            mark.unlink(missing_ok=True)

    def _mark(self, rows: pa.Table) -> Path:
        key = f"{self.kind.__name__} {rows['image_id'].to_pylist()}"
        return Path(tempfile.gettempdir()) / self.room / hashlib.sha256(key.encode()).hexdigest()[:32]

    def _together(self, rows: pa.Table) -> pa.Table:
        with _watchdog(self.seconds) as self.stage.beat:
            return self.stage.work(rows)

    def _one_by_one(self, rows: pa.Table) -> pa.Table:
        results, child = [], None
        for place in range(rows.num_rows):
            picture = rows.take([place])  # a slice would travel with all of its neighbours
            try:
                child = child or Child(self.kind, self.arguments)
                results.append(child.work(picture, self.seconds))
            except Lost as lost:
                results.append(self.stage.lost(picture, lost.status, f"{lost} ({self.kind.__name__.lower()})"))
                child = None
        if child:
            child.end()
        return pa.concat_tables(results)


def guarded(kind: type[Any]) -> type[Guarded]:
    """The guarded stage, under the name of the stage itself."""
    return type(kind.__name__, (Guarded,), {"kind": kind, "__module__": kind.__module__})


@contextmanager
def _watchdog(seconds: float) -> Iterator[Callable[[], None]]:
    """End this process unless what is given is called every so many seconds. A thread without Python watches."""
    with open(os.devnull, "w") as nowhere:

        def beat() -> None:
            faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)

        beat()
        try:
            yield beat
        finally:
            faulthandler.cancel_dump_traceback_later()


def _tidy() -> None:
    """Take away what runs of last week left: their processes were killed."""
    room = Path(tempfile.gettempdir()) / _ROOM
    for old in room.iterdir() if room.exists() else ():
        if time.time() - old.stat().st_mtime > _KEPT:
            shutil.rmtree(old, ignore_errors=True)
