"""One run of annotate: where it writes, what it works with, how far it is."""

import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from faceray.corpus.plan import Plan
from faceray.models.zoo import Models
from faceray.options import AnnotateOptions
from faceray.results.manifest import Tally, versions, write_manifest
from faceray.storage import Folder

State = Literal["running", "finished", "stopped", "failed", "nothing to do"]
_REASONS = (
    "new",
    "changed",
    "retried",
    "model_changed",
    "recomputed",
    "relabelled",
    "already_done",
    "forgotten",
)


@dataclass
class Run:
    """What becomes `runs/RUN_ID.json`.

    Attributes:
        plan_folder: where the plan's Parquet files are, as long as the run goes on.
        ignored: files that the listing passed over.
        workers: most workers of each stage; empty before the cluster is known.
    """

    id: str
    output: Folder
    options: AnnotateOptions
    models: Models
    plan: Plan
    plan_folder: Folder
    ignored: int
    workers: dict[str, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._started

    def manifest(self, state: State) -> dict[str, Any]:
        """All that is known. Counts: listed = already_done + relabelled + forgotten + planned + deferred; in the end
        planned = written.
        """
        seconds, tally, now = self.seconds, self.tally, datetime.now(UTC).isoformat(timespec="seconds")
        stages = tally.stages(self.workers, seconds) if self.workers else []
        return {
            "run_id": self.id,
            "state": state,
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "updated_at": now,
            "finished_at": None if state == "running" else now,
            "seconds": round(seconds, 3),
            "faceray": versions()["faceray"],
            "versions": versions(),
            "options": asdict(self.options),
            "models": self.models.manifest(),
            "fingerprint": self.models.fingerprint,
            "counts": self._counts(),
            "images_per_second": round(tally.images / seconds, 3),
            "stages": stages,
            "bottleneck": max(stages, key=lambda s: float(s["utilisation"]))["name"] if stages else None,
        }

    def save(self, state: State) -> dict[str, Any]:
        """Write or replace `runs/RUN_ID.json`; returns its content."""
        manifest = self.manifest(state)
        write_manifest(self.output, manifest)
        return manifest

    def _counts(self) -> dict[str, Any]:
        return {
            "listed": self.plan.listed,
            "ignored": self.ignored,
            "duplicates": self.plan.duplicates,
            **{reason: self.plan.by_reason.get(reason, 0) for reason in _REASONS},
            "gone": len(self.plan.gone),
            "back": len(self.plan.back),
            "planned": self.plan.planned,
            "deferred": self.plan.deferred,
            "written": self.tally.images,
            "faces": self.tally.faces,
            "errors": self.tally.errors,
            "by_status": dict(sorted(self.tally.statuses.items())),
        }
