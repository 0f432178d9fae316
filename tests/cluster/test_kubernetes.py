"""The Kubernetes files: right by the schemas, and right for this job."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from faceray.cli import parse
from faceray.options import AnnotateOptions
from tests.cluster.schemas import CLUSTER, documents, misspelt, validator

ROOT = CLUSTER.parent
FILES = {"RayCluster": "raycluster.yaml", "RayJob": "rayjob.yaml", "RayCronJob": "raycronjob.yaml"}


def one(kind: str) -> dict[str, Any]:
    (document,) = documents(FILES[kind])
    return document


def cluster_spec(kind: str) -> dict[str, Any]:
    """The spec of the cluster that a file describes."""
    spec = one(kind)["spec"]
    spec = spec.get("jobTemplate", spec)
    return dict(spec.get("rayClusterSpec", spec))


def groups(kind: str) -> Iterator[dict[str, Any]]:
    spec = cluster_spec(kind)
    yield spec["headGroupSpec"]
    yield from spec["workerGroupSpecs"]


@pytest.mark.parametrize("kind", FILES)
def test_valid_by_its_own_schema(data: Path, kind: str) -> None:
    document = one(kind)
    assert (document["apiVersion"], document["kind"]) == ("ray.io/v1", kind)
    errors = [f"{error.json_path}: {error.message}" for error in validator(data, kind).iter_errors(document)]
    assert errors == []


@pytest.mark.parametrize("kind", FILES)
def test_a_misspelt_field_is_found_wherever_it_is(data: Path, kind: str) -> None:
    strict = validator(data, kind)
    wrong = misspelt(one(kind))
    assert len(wrong) > 60
    assert [path for path, document in wrong if strict.is_valid(document)] == []


def test_plain_kubernetes_resources_are_valid() -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate has the schemas")
    found = documents("cronjob.yaml")
    assert [document["kind"] for document in found] == ["CronJob", "ServiceAccount", "Role", "RoleBinding"]
    for document in found:
        validate.validate(document, "1.33", strict=True)
    found[0]["spec"]["concurrencyPolicies"] = "Forbid"
    with pytest.raises(validate.ValidationError):
        validate.validate(found[0], "1.33", strict=True)


def test_the_night_runs_the_job_that_can_be_run_by_day() -> None:
    assert one("RayCronJob")["spec"]["jobTemplate"] == one("RayJob")["spec"]


def test_all_clusters_have_the_same_nodes() -> None:
    """They differ in how many there are, and in who decides that."""
    specs = [cluster_spec(kind) for kind in FILES]
    for spec in specs:
        for name in ("enableInTreeAutoscaling", "autoscalerOptions"):
            spec.pop(name, None)
        for group in spec["workerGroupSpecs"]:
            for name in ("replicas", "minReplicas", "maxReplicas"):
                group.pop(name)
    assert specs[0] == specs[1] == specs[2]


def test_a_job_finds_all_its_nodes_when_it_starts() -> None:
    """Its workers are shared out once, by what is there then."""
    for kind in FILES:
        for group in cluster_spec(kind)["workerGroupSpecs"]:
            assert group["replicas"] == group["minReplicas"] <= group["maxReplicas"]
    assert cluster_spec("RayCluster")["enableInTreeAutoscaling"] is True


@pytest.mark.parametrize("kind", FILES)
def test_no_work_lands_on_the_head(kind: str) -> None:
    head, *workers = groups(kind)
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert not any("num-cpus" in worker["rayStartParams"] for worker in workers)


@pytest.mark.parametrize("kind", FILES)
def test_requests_are_limits_so_that_no_pod_is_thrown_out_for_memory(kind: str) -> None:
    for group in groups(kind):
        for container in group["template"]["spec"]["containers"]:
            resources = container["resources"]
            assert resources["requests"] == resources["limits"]
            assert {"cpu", "memory"} <= resources["limits"].keys()
    gpus = [g for g in groups(kind) if g.get("groupName") == "gpu"]
    assert [g["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] for g in gpus] == ["1"]


@pytest.mark.parametrize("kind", FILES)
def test_workers_are_drained_within_their_time(kind: str) -> None:
    head, *workers = groups(kind)
    assert "spot" not in str(head["template"]["spec"]["nodeSelector"])
    for worker in workers:
        pod = worker["template"]["spec"]
        (container,) = pod["containers"]
        script, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
        after = next(int(e["value"]) for e in container["env"] if e["name"] == "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S")
        assert int(seconds) + after < pod["terminationGracePeriodSeconds"] <= 120
        assert (ROOT / script.removeprefix("/opt/faceray/")).stat().st_mode & 0o111


@pytest.mark.parametrize("kind", FILES)
def test_whoever_asks_needs_the_token(kind: str) -> None:
    assert cluster_spec(kind)["authOptions"] == {"mode": "token"}


def test_the_versions_are_those_of_the_environment() -> None:
    for kind in FILES:
        assert cluster_spec(kind)["rayVersion"] == version("ray")
    project = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert project
    images = re.findall(r"faceray:(\d[\w.]*)", "".join(f.read_text() for f in CLUSTER.iterdir() if f.is_file()))
    assert set(images) == {project[1]}


def test_the_entry_point_is_a_job_with_options_that_parse() -> None:
    python, script, *arguments = shlex.split(one("RayJob")["spec"]["entrypoint"])
    assert python == "python"
    assert (ROOT / script.removeprefix("/opt/faceray/")).is_file()
    options = parse(AnnotateOptions, arguments, "annotate")
    assert options.input.startswith("s3://BUCKET/")


def test_a_job_ends_before_the_next_night_and_its_cluster_with_it() -> None:
    spec = one("RayJob")["spec"]
    assert spec["activeDeadlineSeconds"] < 24 * 3600
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["backoffLimit"] > 0


def test_the_plain_cron_job_makes_a_ray_job_named_by_the_day(data: Path, tmp_path: Path) -> None:
    cron = documents("cronjob.yaml")[0]["spec"]
    (container,) = cron["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    (line,) = container["args"]
    command, pipe, _ = line.partition("| kubectl create -f -")
    assert pipe
    (tmp_path / "rayjob.yaml").write_text((CLUSTER / "rayjob.yaml").read_text())
    made = subprocess.run(
        [*container["command"], command.replace("/job/", f"{tmp_path}/")], capture_output=True, check=True, text=True
    ).stdout
    document = yaml.safe_load(made)
    assert re.fullmatch(r"faceray-\d{8}", document["metadata"].pop("name"))
    expected = one("RayJob")
    expected["metadata"].pop("name")
    assert document == expected
    assert cron["concurrencyPolicy"] == "Forbid"
    validator(data, "RayJob").validate(yaml.safe_load(made))


def test_no_secret_is_in_any_file() -> None:
    wanted = re.compile(r"AKIA[0-9A-Z]{16}|aws_secret|(?i:(password|secret|token)[\"']?\s*[:=]\s*[\"']?[\w/+]{16,})")
    for file in CLUSTER.iterdir():
        if file.is_file():
            assert not wanted.search(file.read_text()), file.name
