"""The dashboard names only metrics that exist."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from faceray.metrics import METRICS

FILE = Path(__file__).parent.parent.parent / "cluster" / "grafana.json"
METRIC = re.compile(r"\bray_[a-z0-9_]+")
OF_RAY = {"ray_cluster_active_nodes", "ray_object_store_used_memory"}  # of its C++ side; tests/cluster/test_submit.py


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text()))


def expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def named(dashboard: dict[str, Any]) -> set[str]:
    """Every metric in any expression."""
    return {name for expression in expressions(dashboard) for name in METRIC.findall(expression)}


def of_python() -> set[str]:
    """Metrics that Ray's Python side declares: of nodes, and of Ray Data's operators."""
    from ray.dashboard.modules.reporter.reporter_agent import METRICS_GAUGES
    from ray.data._internal.execution.interfaces.op_runtime_metrics import OpRuntimeMetrics

    return {f"ray_{name}" for name in METRICS_GAUGES} | {f"ray_data_{m.name}" for m in OpRuntimeMetrics.get_metrics()}


def test_every_metric_exists(dashboard: dict[str, Any]) -> None:
    assert named(dashboard) - OF_RAY - of_python() <= METRICS.keys()


def test_every_metric_of_ours_is_shown(dashboard: dict[str, Any]) -> None:
    assert METRICS.keys() <= named(dashboard)


def test_expressions_are_balanced_and_name_a_metric(dashboard: dict[str, Any]) -> None:
    for expression in expressions(dashboard):
        assert METRIC.search(expression)
        for opening, closing in ("()", "{}", "[]"):
            assert expression.count(opening) == expression.count(closing)


def test_panels_have_their_own_places(dashboard: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart
    assert all(place["x"] + place["w"] <= 24 for place in places)


def test_any_prometheus_can_be_chosen(dashboard: dict[str, Any]) -> None:
    assert [v["type"] for v in dashboard["templating"]["list"]] == ["datasource"]
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {"${datasource}"}
