"""Machines without Kubernetes: the `ray up` file, the image, and what is called before a node goes."""

import copy
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.schemas import CLUSTER, documents

ROOT = CLUSTER.parent


@pytest.fixture
def aws() -> dict[str, Any]:
    (document,) = documents("aws.yaml")
    return document


def check(document: dict[str, Any]) -> dict[str, Any]:
    """As `ray up` does before it starts anything."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared: dict[str, Any] = prepare_config(copy.deepcopy(document))
    validate_config(prepared)
    return prepared


def test_ray_up_takes_the_file(aws: dict[str, Any]) -> None:
    prepared = check(aws)
    assert prepared["available_node_types"].keys() == {"head", "cpu_spot", "gpu_spot"}
    assert prepared["head_node_type"] == "head"


@pytest.mark.parametrize("path", [("idle_timeout_minute",), ("available_node_types", "cpu_spot", "node_confg")])
def test_ray_up_finds_misspelt_fields(aws: dict[str, Any], path: tuple[str, ...]) -> None:
    from jsonschema import ValidationError

    parent = aws
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = 1
    with pytest.raises(ValidationError, match=path[-1]):
        check(aws)


def test_work_is_on_spot_instances_and_the_head_has_none(aws: dict[str, Any]) -> None:
    types = aws["available_node_types"]
    assert types["head"]["resources"]["CPU"] == 0
    assert "--num-cpus=0" in aws["head_start_ray_commands"][-1]
    assert "InstanceMarketOptions" not in types["head"]["node_config"]
    for name in ("cpu_spot", "gpu_spot"):
        assert types[name]["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
        assert types[name]["node_config"]["MetadataOptions"]["HttpTokens"] == "required"
    assert any("spot_notice.py" in command for command in aws["worker_start_ray_commands"])
    assert sum(t["max_workers"] for t in types.values()) <= aws["max_workers"]


def test_the_token_comes_from_outside(aws: dict[str, Any]) -> None:
    path = next(o.partition("RAY_AUTH_TOKEN_PATH=")[2] for o in aws["docker"]["run_options"] if "TOKEN_PATH" in o)
    assert aws["file_mounts"] == {path: "~/.ray/auth_token"}
    assert "--env RAY_AUTH_MODE=token" in aws["docker"]["run_options"]


def test_the_image_copies_what_there_is() -> None:
    lines = (CLUSTER / "Dockerfile").read_text().splitlines()
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY") and "--from" not in line]
    sources = [source for copy_ in copies for source in copy_]
    assert {"faceray", "jobs", "requirements.lock"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists()
    allowed = {line[1:] for line in (CLUSTER / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    assert set(sources) == allowed
    assert "USER ray" in lines
    assert not any(re.search(r"ARG|ENV.*(TOKEN|SECRET|KEY)=", line) for line in lines)


@pytest.fixture
def path_with_ray(tmp_path: Path) -> Iterator[str]:
    """A PATH whose `ray` only writes down how it was called."""
    (tmp_path / "ray").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called\n')
    (tmp_path / "ray").chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


@pytest.fixture
def metadata() -> Iterator[HTTPServer]:
    """Metadata as AWS serves it: with a session's token; a notice comes at the third question."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.answer(200 if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else 400, b"session")

        def do_GET(self) -> None:
            if self.headers["X-aws-ec2-metadata-token"] != "session":
                return self.answer(401, b"")
            asked.append(self.path)
            return self.answer(200 if len(asked) > 2 else 404, b'{"action": "terminate"}')

        def answer(self, code: int, content: bytes) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    asked: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.asked = asked  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_ray_hears_of_a_spot_notice_once(metadata: HTTPServer, path_with_ray: str, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{metadata.server_port}/latest"
    environment = {**os.environ, "PATH": path_with_ray, "METADATA_URL": address, "NOTICE_SECONDS": "0.01"}
    done = subprocess.run([sys.executable, CLUSTER / "spot_notice.py"], env=environment, timeout=60, check=False)
    assert done.returncode == 0
    assert metadata.asked == ["/latest/meta-data/spot/instance-action"] * 3  # type: ignore[attr-defined]
    (called,) = (tmp_path / "called").read_text().splitlines()
    assert called.startswith("drain-node --reason DRAIN_NODE_REASON_PREEMPTION")
    assert called.endswith("--deadline-remaining-seconds 110")


def test_where_nobody_answers_nothing_is_drained(path_with_ray: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": path_with_ray, "METADATA_URL": "http://127.0.0.1:9/latest"}
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, CLUSTER / "spot_notice.py"], env=environment, timeout=2, check=False)
    assert not (tmp_path / "called").exists()


def test_a_pod_that_goes_drains_its_node(path_with_ray: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": path_with_ray}
    done = subprocess.run([CLUSTER / "drain.sh", "1"], env=environment, timeout=60, check=False)
    assert done.returncode == 0
    assert (tmp_path / "called").read_text().strip().endswith("--deadline-remaining-seconds 1")


def test_a_pod_whose_head_is_gone_goes_at_once(tmp_path: Path) -> None:
    (tmp_path / "ray").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "ray").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([CLUSTER / "drain.sh", "3600"], env=environment, timeout=60, check=False)
    assert done.returncode == 0


def test_drain_node_is_called_as_this_ray_wants_it() -> None:
    """It is not in Ray's public interface: an upgrade may change it."""
    from click.testing import CliRunner
    from ray.scripts.scripts import cli

    text = CliRunner().invoke(cli, ["drain-node", "--help"]).output
    for word in ("--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "--deadline-remaining-seconds"):
        assert word in text
