"""What a run was: `runs/RUN_ID.json`."""

import json
import platform
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from faceray.storage import Folder

_PACKAGES = (
    "faceray",
    "ray",
    "torch",
    "openvino",
    "opencv-python-headless",
    "pyarrow",
    "deltalake",
    "numpy",
    "pillow",
)
_ENOUGH = 1000  # images of a run before its share of errors says anything
_STAGES = ("load", "detect", "recognise", "write")


def new_run_id(now: datetime | None = None) -> str:
    """UTC time to the millisecond: sorts by date, and two runs do not share one."""
    now = now or datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}Z"


@dataclass
class Tally:
    """Counts of a run so far, added up from the reports of its write tasks."""

    images: int = 0
    faces: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)  # of work, by stage

    @property
    def errors(self) -> int:
        """Images without a result."""
        return self.images - self.statuses["ok"]

    def too_many_errors(self, rate: float) -> str:
        """Why the run should stop, in words; empty while it should go on."""
        if self.images < _ENOUGH or self.errors <= rate * self.images:
            return ""
        counts = ", ".join(f"{n:,} {status}" for status, n in self.statuses.most_common() if status != "ok")
        return f"{self.errors / self.images:.1%} of {self.images:,} images ended in an error ({counts})"

    def add(self, report: dict[str, Any]) -> None:
        """One row of faceray.results.parts.REPORT."""
        self.images += report["images"]["rows"]
        self.faces += report["faces"]["rows"] if report["faces"] else 0
        self.statuses.update({s["status"]: s["count"] for s in report["statuses"]})
        self.seconds.update({stage: report[f"{stage}_seconds"] for stage in _STAGES})

    def stages(self, workers: dict[str, int], seconds: float) -> list[dict[str, Any]]:
        """For each stage its work, and the share of the run that its workers were busy."""
        return [
            {
                "name": stage,
                "workers": workers[stage],
                "images": self.images,
                "busy_seconds": round(self.seconds[stage], 3),
                "utilisation": round(min(1.0, self.seconds[stage] / (workers[stage] * seconds)), 4)
                if seconds
                else 0.0,
            }
            for stage in _STAGES
        ]


def versions() -> dict[str, str]:
    """Of this package, of those that results depend on, and of Python."""
    found = {"python": platform.python_version(), "platform": sys.platform}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def write_manifest(output: Folder, manifest: dict[str, Any]) -> None:
    """Write or replace `runs/RUN_ID.json`."""
    (output / "runs").write(f"{manifest['run_id']}.json", json.dumps(manifest, indent=2, default=str).encode() + b"\n")


def read_manifests(output: Folder) -> list[dict[str, Any]]:
    """All runs of an output, oldest first."""
    folder = output / "runs"
    return [json.loads(folder.read(name)) for name in folder.names() if name.endswith(".json")]
