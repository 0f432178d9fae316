"""How a run of annotate goes, or went: read from its manifest and the tables, wherever it works."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tabulate import tabulate

from faceray.errors import UserError
from faceray.results.schema import FACES, IMAGES
from faceray.results.table import Table
from faceray.storage import Folder, StorageOptions

_GOOD = ("running", "finished", "nothing to do")


@dataclass(frozen=True)
class StatusOptions:
    """Say how a run goes, or went.

    Args:
        output: what was given to annotate as `--output`.
        run: the run's id, as in `runs/RUN_ID.json`; the newest if not given.
        dead_after: a run that says it is running counts as dead when it has been silent for this many seconds.
        json: print one JSON object instead of a table.
        storage: how buckets are reached.
    """

    output: str
    run: str = ""
    dead_after: float = 900.0
    json: bool = False
    storage: StorageOptions = field(default_factory=StorageOptions)

    def __post_init__(self) -> None:
        if not self.output:
            raise UserError("--output is empty")


@dataclass(frozen=True)
class RunStatus:
    """What is known of a run.

    Attributes:
        state: as in the manifest, or `dead`: it says it is running, and has been silent for too long.
        last_sign: of life: a run saves its manifest at every commit.
        planned, written, faces: images and faces of this run.
        by_status: images of this run.
        per_second: images, from the start on.
        seconds_left: None when it is over, or too early to tell.
        bottleneck: the stage whose workers were busiest.
        last_commit: to the images table, by whichever run.
        images, all_faces: rows of the tables.
    """

    run_id: str
    state: str
    started: datetime
    last_sign: datetime
    planned: int
    written: int
    faces: int
    per_second: float
    seconds_left: float | None
    bottleneck: str | None
    last_commit: datetime | None
    images: int
    all_faces: int
    by_status: Mapping[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0: it runs, or ended well; 1: it was stopped, failed or died."""
        return 0 if self.state in _GOOD else 1

    def record(self) -> dict[str, Any]:
        """For programs: times in ISO 8601."""
        values = asdict(self).items()
        return {name: v.isoformat(timespec="seconds") if isinstance(v, datetime) else v for name, v in values}


def status(options: StatusOptions, now: datetime | None = None) -> RunStatus:
    """Read the state of a run; cheap, whatever the size of the tables.

    Raises:
        UserError: there has been no such run.
    """
    output = Folder.at(options.output, options.storage)
    runs = _runs(output)
    if not runs:
        raise UserError(f"no run has written to {options.output}")
    run_id = options.run or runs[-1]
    if run_id not in runs:
        raise UserError(f"{options.output} has no run {run_id}; the newest is {runs[-1]}")
    manifest = json.loads((output / "runs").read(f"{run_id}.json"))
    images, faces = Table(output / "images", IMAGES), Table(output / "faces", FACES)
    return _status(manifest, images, faces, options.dead_after, now or datetime.now(UTC))


def alive(output: Folder, dead_after: float) -> str | None:
    """The newest run, if it is still going."""
    if not _runs(output):
        return None
    newest = status(StatusOptions(output.uri, dead_after=dead_after, storage=output.storage))
    return newest.run_id if newest.state == "running" else None


def _runs(output: Folder) -> list[str]:
    return [name.removesuffix(".json") for name in (output / "runs").names() if name.endswith(".json")]


def _status(manifest: Mapping[str, Any], images: Table, faces: Table, dead_after: float, now: datetime) -> RunStatus:
    counts, state, updated = manifest["counts"], manifest["state"], datetime.fromisoformat(manifest["updated_at"])
    if state == "running" and now - updated > timedelta(seconds=dead_after):
        state = "dead"
    rate = float(manifest["images_per_second"])
    left = (counts["planned"] - counts["written"]) / rate if rate and state == "running" else None
    return RunStatus(
        run_id=manifest["run_id"],
        state=state,
        started=datetime.fromisoformat(manifest["started_at"]),
        last_sign=updated,
        planned=counts["planned"],
        written=counts["written"],
        faces=counts["faces"],
        per_second=rate,
        seconds_left=left,
        bottleneck=manifest["bottleneck"],
        last_commit=_last_commit(images),
        images=_rows(images),
        all_faces=_rows(faces),
        by_status=counts["by_status"],
    )


def _last_commit(table: Table) -> datetime | None:
    if table.delta is None:
        return None
    newest = table.delta.history(1)[0]  # more, when somebody has committed since the table was opened
    return datetime.fromtimestamp(newest["timestamp"] / 1000, UTC)


def _rows(table: Table) -> int:
    """From the log alone."""
    if table.delta is None:
        return 0
    return sum(n or 0 for n in table.delta.get_add_actions(flatten=True)["num_records"].to_pylist())


def status_text(found: RunStatus, now: datetime | None = None) -> str:
    """For people."""
    now = now or datetime.now(UTC)
    share = f" ({found.written / found.planned:.1%})" if found.planned else ""
    left = "" if found.seconds_left is None else f", {_span(timedelta(seconds=found.seconds_left))} left"
    rows = [
        ("run", found.run_id),
        ("state", found.state),
        ("started", f"{found.started:%Y-%m-%d %H:%M:%S} UTC"),
        ("last sign of life", f"{_span(now - found.last_sign)} ago"),
        ("images", f"{found.written:,} of {found.planned:,}{share}"),
        *((f"  {name}", f"{count:,}") for name, count in found.by_status.items()),
        ("faces", f"{found.faces:,}"),
        ("rate", f"{found.per_second:,.1f} images/s{left}"),
        ("busiest stage", found.bottleneck or "not known yet"),
        ("last commit", f"{_span(now - found.last_commit)} ago" if found.last_commit else "none"),
        ("tables", f"{found.images:,} images, {found.all_faces:,} faces"),
    ]
    return tabulate(rows, tablefmt="plain", disable_numparse=True)


def _span(time: timedelta) -> str:
    return str(timedelta(seconds=max(0, round(time.total_seconds()))))
