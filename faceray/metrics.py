"""Ray metrics of a run, for Prometheus: scraped on each node at Ray's metrics port, with `ray_` before their names."""

import time
from collections import Counter as Sums
from collections.abc import Callable, Mapping
from typing import Any

from ray.util.metrics import Counter, Gauge

_WINDOW = 10.0  # seconds that a busy share is taken over
_STAGES = ("load", "detect", "recognise", "write")
_GPU_STAGES = ("detect", "recognise")

# As Prometheus sees them: Ray puts `_total` after a counter's name
METRICS = {
    "ray_faceray_images_total": "images written, by status",
    "ray_faceray_faces_total": "faces written",
    "ray_faceray_stage_seconds_total": "seconds of work, by stage",
    "ray_faceray_images_waiting": "images of the plan that are not written yet: the queue",
    "ray_faceray_busy_share": "0 to 1: share of the last seconds that a stage's workers worked; device says on what",
}


class RunMetrics:
    """Counts what the write tasks report. The driver owns it, so that stages know nothing of Ray.

    Args:
        planned: images that the run is to write.
        workers: of each stage, as in faceray.cluster.Pools.
        device: of the detectors and recognisers: `cpu` or `cuda`.
        clock: seconds.
    """

    def __init__(
        self,
        planned: int,
        workers: Mapping[str, int],
        device: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workers, self._device, self._clock = workers, device, clock
        self._images = Counter("faceray_images", METRICS["ray_faceray_images_total"], ("status",))
        self._faces = Counter("faceray_faces", METRICS["ray_faceray_faces_total"])
        self._seconds = Counter("faceray_stage_seconds", METRICS["ray_faceray_stage_seconds_total"], ("stage",))
        self._waiting = Gauge("faceray_images_waiting", METRICS["ray_faceray_images_waiting"])
        self._busy = Gauge("faceray_busy_share", METRICS["ray_faceray_busy_share"], ("stage", "device"))
        self._left, self._since, self._worked = planned, clock(), Sums[str]()
        self._waiting.set(planned)

    def add(self, report: Mapping[str, Any]) -> None:
        """One row of faceray.results.parts.REPORT."""
        for entry in report["statuses"]:
            self._images.inc(entry["count"], {"status": entry["status"]})
        if report["faces"]:
            self._faces.inc(report["faces"]["rows"])
        for stage in _STAGES:
            seconds = report[f"{stage}_seconds"]
            self._worked[stage] += seconds
            if seconds > 0:
                self._seconds.inc(seconds, {"stage": stage})
        self._left -= report["images"]["rows"]
        self._waiting.set(max(0, self._left))
        self._show_busy()

    def _show_busy(self) -> None:
        passed = self._clock() - self._since
        if passed < _WINDOW:
            return
        for stage in _STAGES:
            device = self._device if stage in _GPU_STAGES else "cpu"
            share = min(1.0, self._worked[stage] / (passed * self._workers[stage]))
            self._busy.set(share, {"stage": stage, "device": device})
        self._since, self._worked = self._clock(), Sums()
