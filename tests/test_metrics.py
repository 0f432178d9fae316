"""What a run's metrics count, read back from what Ray would export."""

from collections import defaultdict
from typing import Any

import pytest
from ray.util import metrics as ray_metrics

from faceray.metrics import METRICS, RunMetrics

WORKERS = {"load": 2, "detect": 4, "recognise": 1, "write": 2}


class Clock:
    """Time that passes when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, ...], list[float]]:
    """All values that reach Ray's metrics, by name and tags: without a cluster they go nowhere."""
    values: dict[tuple[str, ...], list[float]] = defaultdict(list)

    def record(self: Any, value: float, tags: dict[str, str] | None = None) -> None:
        assert set(tags or {}) == set(self._tag_keys)
        values[self._name, *(tags or {}).values()].append(value)

    monkeypatch.setattr(ray_metrics.Metric, "_record", record)
    return values


def told(images: int, faces: int | None, seconds: float, **statuses: int) -> dict[str, Any]:
    """A row of REPORT."""
    return {
        "images": {"rows": images},
        "faces": None if faces is None else {"rows": faces},
        "statuses": [{"status": status, "count": count} for status, count in statuses.items()],
        **{f"{stage}_seconds": seconds for stage in WORKERS},
    }


def test_counts_add_up(recorded: dict[tuple[str, ...], list[float]]) -> None:
    metrics = RunMetrics(100, WORKERS, "cuda")
    metrics.add(told(10, 7, 1.0, ok=8, truncated=2))
    metrics.add(told(30, None, 0.0, not_found=30))
    assert sum(recorded["faceray_images", "ok"]) == 8
    assert sum(recorded["faceray_images", "truncated"]) == 2
    assert sum(recorded["faceray_images", "not_found"]) == 30
    assert sum(recorded["faceray_faces",]) == 7
    assert sum(recorded["faceray_stage_seconds", "detect"]) == 1
    assert recorded["faceray_images_waiting",] == [100, 90, 60]


def test_busy_shares_are_of_the_last_seconds_and_of_the_right_device(
    recorded: dict[tuple[str, ...], list[float]],
) -> None:
    clock = Clock()
    metrics = RunMetrics(100, WORKERS, "cuda", clock)
    metrics.add(told(1, 1, 20.0, ok=1))
    assert not any(key[0] == "faceray_busy_share" for key in recorded)
    clock.now += 20
    metrics.add(told(1, 1, 20.0, ok=1))
    assert recorded["faceray_busy_share", "load", "cpu"] == [1.0]
    assert recorded["faceray_busy_share", "detect", "cuda"] == [0.5]
    assert recorded["faceray_busy_share", "recognise", "cuda"] == [1.0]  # never more than always
    clock.now += 10
    metrics.add(told(1, 1, 4.0, ok=1))
    assert recorded["faceray_busy_share", "detect", "cuda"] == [0.5, 0.1]


def test_without_a_gpu_everything_is_the_cpu(recorded: dict[tuple[str, ...], list[float]]) -> None:
    clock = Clock()
    metrics = RunMetrics(2, WORKERS, "cpu", clock)
    clock.now += 10
    metrics.add(told(1, 1, 1.0, ok=1))
    assert {key[2] for key in recorded if key[0] == "faceray_busy_share"} == {"cpu"}


def test_every_name_is_described(recorded: dict[tuple[str, ...], list[float]]) -> None:
    clock = Clock()
    metrics = RunMetrics(2, WORKERS, "cpu", clock)
    clock.now += 10
    metrics.add(told(1, 1, 1.0, ok=1))
    names = {name.removeprefix("ray_").removesuffix("_total") for name in METRICS}
    assert {key[0] for key in recorded} == names


def test_nothing_is_needed_to_be_connected() -> None:
    """A local run has no dashboard: metrics go nowhere and disturb nothing."""
    RunMetrics(2, WORKERS, "cpu").add(told(1, 1, 1.0, ok=1))
