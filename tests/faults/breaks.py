"""The ways in which things are broken, and what must hold afterwards."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

import pandas as pd

from tests.faults.place import Place

_DOWN = (2.0, 6.0)  # seconds that something is out of order


def driver(place: Place) -> None:
    """SIGKILL for the job itself."""
    assert place.driver
    os.killpg(place.driver.pid, signal.SIGKILL)
    place.driver.wait()  # or the next break hits a dead one


def worker(place: Place) -> None:
    """SIGKILL for one of the processes that work on pictures."""
    _signal_one(place, signal.SIGKILL)


def slow(place: Place) -> None:
    """One of them stands still for some seconds."""
    if process := _signal_one(place, signal.SIGSTOP):
        time.sleep(place.dice.uniform(*_DOWN))
        os.kill(process, signal.SIGCONT)


def slow_node(place: Place) -> None:
    """All processes of a node get a tenth of their time, for some seconds."""
    processes = place.processes(place.dice.choice(place.nodes))
    end = time.monotonic() + 3 * place.dice.uniform(*_DOWN)
    while time.monotonic() < end:
        for what, seconds in ((signal.SIGSTOP, 0.9), (signal.SIGCONT, 0.1)):
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, what)
            time.sleep(seconds)


def node(place: Place) -> None:
    """SIGKILL for a whole node; another one joins."""
    lost = place.nodes.pop(place.dice.randrange(len(place.nodes)))
    place.head.remove_node(lost, allow_graceful=False)
    place.join()


def server(place: Place) -> None:
    """SIGKILL for the S3 server, which is back after some seconds."""
    place.server.kill()
    time.sleep(place.dice.uniform(*_DOWN))
    place.server.start()


def puts(place: Place) -> None:
    """All writing fails for some seconds."""
    place.proxy.trouble(slow_down=1.0, only=["PUT", "POST"])
    time.sleep(place.dice.uniform(*_DOWN))
    place.proxy.trouble(slow_down=0.0)


BREAKS: dict[str, Callable[[Place], None]] = {
    f.__name__: f for f in (driver, worker, slow, slow_node, node, server, puts)
}


def _signal_one(place: Place, what: signal.Signals) -> int | None:
    processes = place.workers()
    if not processes:
        return None
    chosen = place.dice.choice(processes)
    try:
        os.kill(chosen, what)
    except ProcessLookupError:
        return None
    return chosen


def run_to_the_end(place: Place, output: str, breaks: Sequence[str], photos: int, limit: float = 900) -> Counter[str]:
    """Run the job; each break comes at a random moment of the work. A job that ended in another way than well is
    started again, as cron does.

    Returns:
        How often what was done, with `starts`.

    Raises:
        TimeoutError: it does not come to an end.
    """
    done, left = Counter[str](), list(breaks)
    deadline = time.monotonic() + limit
    job = _started(place, output, done)
    while True:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{output}: {place.written(output)} of {photos} after {limit:g} s; done {dict(done)}")
        if left and (place.workers() or place.written(output)):
            time.sleep(place.dice.uniform(0, 4))
            BREAKS[left[0]](place)
            done[left.pop(0)] += 1
        code = _ended(job)
        if code == 0 and not left:
            return done
        if code is not None:
            job = _started(place, output, done)
            if code == 0 and place.written(output) == photos:  # too quick for the rest
                done["missed"] += len(left)
                left.clear()
        time.sleep(0.2)


def _started(place: Place, output: str, done: Counter[str]) -> "subprocess.Popen[bytes]":
    done["starts"] += 1
    return place.start(output)


def _ended(job: "subprocess.Popen[bytes]") -> int | None:
    with suppress(subprocess.TimeoutExpired):  # what it started may hold its pipe
        job.communicate(timeout=0.2)
    return job.poll()


def check(broken: tuple[pd.DataFrame, pd.DataFrame], whole: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """No row lost, none doubled, faces and images agree, and all is as in the unbroken run.

    Raises:
        AssertionError: it is not.
    """
    images, faces = broken
    assert images["image_id"].is_unique
    assert faces["face_id"].is_unique
    counted = faces.groupby("image_id").size().reindex(images["image_id"], fill_value=0)
    assert counted.tolist() == images["face_count"].tolist()
    for found, expected in zip(broken, whole, strict=True):
        pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=1e-4, atol=1e-4)
