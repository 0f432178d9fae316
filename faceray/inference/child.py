"""A process that works on one picture at a time, and may die of it."""

import faulthandler
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any, Self

import pyarrow as pa

from faceray.corpus.status import Status

_START = 600.0  # seconds to load a stage
_GRACE = 30.0  # that a child outlives its limit, should nobody be left to end it


class Lost(Exception):
    """A picture could not be worked on; its status says how."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Child:
    """The process. It sees no other picture than those it is given; after a death there is a new one, forked from a
    process that has imported the stage's module and does nothing else.

    Args:
        kind, arguments: of the stage that it loads.
    """

    def __init__(self, kind: type[Any], arguments: tuple[Any, ...]) -> None:
        self.kind, self.arguments = kind, arguments
        self.process: ForkServerProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def work(self, picture: pa.Table, seconds: float) -> pa.Table:
        """The stage's result for one row.

        Raises:
            Lost: the process died, or did not end in time.
            RuntimeError: it cannot be started.
        """
        if self.process is None:
            self._start()
        try:
            self.connection.send((picture, seconds))
            if not self.connection.poll(seconds):
                self._end()
                raise Lost(Status.TIMEOUT, f"no result after {seconds:g} seconds")
            result = self.connection.recv()
        except (EOFError, OSError) as error:
            raise Lost(Status.CRASHED, self._death()) from error
        if isinstance(result, Exception):
            raise result
        return result

    def _start(self) -> None:
        context = multiprocessing.get_context("forkserver")  # imports take seconds: once, however many die
        context.set_forkserver_preload([self.kind.__module__])
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.kind, self.arguments), daemon=True)
        self.process.start()
        theirs.close()
        try:
            ready = self.connection.poll(_START) and self.connection.recv() is None
        except EOFError:
            ready = False
        if not ready:
            raise RuntimeError(f"a process for {self.kind.__name__} did not start: {self._death()}")

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
            self.process = None

    def _death(self) -> str:
        assert self.process is not None
        self.process.join(10)
        code = self.process.exitcode
        self._end()
        if code is not None and code < 0:
            return f"the process died of {signal.Signals(-code).name}"
        return f"the process ended with code {code}"


def _serve(connection: Connection, kind: type[Any], arguments: tuple[Any, ...]) -> None:
    stage = kind(*arguments)
    stage.beat = lambda: None
    connection.send(None)
    with open(os.devnull, "w") as nowhere:
        while True:
            try:
                picture, seconds = connection.recv()
            except EOFError:
                return
            faulthandler.dump_traceback_later(seconds + _GRACE, exit=True, file=nowhere)
            try:
                result: object = stage.work(picture)
            except Exception as error:  # as in the stage's usual process: it goes on to who called
                result = error
            faulthandler.cancel_dump_traceback_later()
            connection.send(result)
