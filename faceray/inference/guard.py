"""Stages that survive a picture which kills or hangs the process that works on it."""

import faulthandler
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from faceray.corpus.status import Status
from faceray.inference.child import Child, Lost

_ROOM = Path(tempfile.gettempdir()) / f"faceray-begun-{os.getuid()}"
_TRIES = 2  # of a picture alone
_RESOLUTION = 1.0  # seconds
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
        self.room = _ROOM / hashlib.sha256(run.encode()).hexdigest()[:16]
        self.stage: Stage = self.kind(*arguments)
        _tidy()

    def __call__(self, batch: pa.Table) -> pa.Table:
        rows = self.stage.rows(batch)
        mark = self._mark(rows)
        mark.parent.mkdir(parents=True, exist_ok=True)
        try:
            if mark.exists():
                return self._one_by_one(rows, mark)
            mark.touch()
            return self._together(rows)
        finally:  # an exception is no death
            mark.unlink(missing_ok=True)

    def _mark(self, rows: pa.Table) -> Path:
        key = f"{self.kind.__name__} {rows['image_id'].to_pylist()}"
        return self.room / hashlib.sha256(key.encode()).hexdigest()[:32]

    def _together(self, rows: pa.Table) -> pa.Table:
        with _watchdog(self.seconds) as self.stage.beat:
            return self.stage.work(rows)

    def _one_by_one(self, rows: pa.Table, mark: Path) -> pa.Table:
        with Child(self.kind, self.arguments) as child:
            # taken, not sliced: a slice would travel with all of its neighbours
            return pa.concat_tables(
                [self._alone(child, rows.take([i]), mark, b"%d" % i) for i in range(rows.num_rows)]
            )

    def _alone(self, child: Child, picture: pa.Table, mark: Path, name: bytes) -> pa.Table:
        """Two tries: somebody else may have killed the child. The mark counts them, since where memory runs out it may
        be this process that is killed.
        """
        lost = Lost(Status.CRASHED, "the process that watched over it was killed")
        while lost.status == Status.CRASHED and mark.read_bytes().split().count(name) < _TRIES:
            with mark.open("ab") as begun:
                begun.write(name + b" ")
            try:
                return child.work(picture, self.seconds)
            except Lost as error:
                lost = error
        return self.stage.lost(picture, lost.status, f"{lost} ({self.kind.__name__.lower()})")


def guarded(kind: type[Any]) -> type[Guarded]:
    """The guarded stage, under the name of the stage itself."""
    return type(kind.__name__, (Guarded,), {"kind": kind, "__module__": kind.__module__})


@contextmanager
def _watchdog(seconds: float) -> Iterator[Callable[[], None]]:
    """End this process unless what is given is called every so many seconds. A thread without Python watches."""
    with open(os.devnull, "w") as nowhere:
        armed = 0.0

        def beat() -> None:
            nonlocal armed
            if time.monotonic() > armed + _RESOLUTION:  # it starts a thread: too dear for every picture
                armed = time.monotonic()
                faulthandler.dump_traceback_later(seconds + _RESOLUTION, exit=True, file=nowhere)

        beat()
        try:
            yield beat
        finally:
            faulthandler.cancel_dump_traceback_later()


def _tidy() -> None:
    """Take away what runs of last week left: their processes were killed."""
    with suppress(OSError):  # another worker may do the same
        for old in _ROOM.iterdir():
            if time.time() - old.stat().st_mtime > _KEPT:
                shutil.rmtree(old, ignore_errors=True)
