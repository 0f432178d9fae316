"""A Ray head as an operator starts it: `ray start`, with a token and a dashboard. Needs none of the tests' own Ray."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_PORTS = (
    "port",
    "dashboard-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "metrics-export-port",
    "runtime-env-agent-port",
    "ray-client-server-port",
    "node-manager-port",
    "object-manager-port",
)


@dataclass(frozen=True)
class Head:
    """Where it listens, and what a process needs to talk to it."""

    folder: Path
    address: str
    ports: dict[str, int]
    environment: dict[str, str]

    @property
    def dashboard(self) -> str:
        return f"http://{self.address}:{self.ports['dashboard-port']}"

    def ask(self, path: str, token: str | None = None) -> int:
        """The dashboard's HTTP status; 0 when it does not answer."""
        request = urllib.request.Request(f"{self.dashboard}{path}")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def run(self, arguments: Sequence[str], timeout: float = 1500) -> subprocess.CompletedProcess[str]:
        """A command as somebody with the token would give it."""
        return subprocess.run(
            list(arguments),
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def submit(self, name: str, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """`ray job submit --working-dir . -- COMMAND`, and wait for its end."""
        submit = ["ray", "job", "submit", "--address", self.dashboard, "--submission-id", name, "--working-dir", "."]
        for _ in range(20):
            done = self.run([*submit, "--", *command])
            if "No available agent" not in done.stdout:  # it comes some seconds after the dashboard
                break
            time.sleep(2)
        return done

    def metrics(self) -> str:
        """What Prometheus would read now."""
        with urllib.request.urlopen(f"http://{self.address}:{self.ports['metrics-export-port']}/metrics") as answer:
            return str(answer.read(), "utf-8")


@contextmanager
def ray_head(address: str = "127.0.0.1", tries: int = 3) -> Iterator[Head]:
    """Start a head that listens at an address of this machine, and end it. On a busy machine Ray's own limit for
    starting may pass: then again."""
    folder = Path(tempfile.mkdtemp(prefix="fr"))  # short: sockets lie in it
    head = Head(folder, address, _free_ports(address), {})
    head.environment.update(
        os.environ,
        HOME=str(folder),
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN=secrets.token_hex(32),
        RAY_TMPDIR=str(folder),
        RAY_USAGE_STATS_ENABLED="0",
        RAY_idle_worker_killing_time_threshold_ms="20000",
        RAY_metrics_report_interval_ms="1000",
        RAY_raylet_start_wait_time_s="240",  # a busy machine needs more than the usual
        RAY_DASHBOARD_STARTUP_TIMEOUT_S="240",
        RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S="0",
        RAY_ENABLE_UV_RUN_RUNTIME_ENV="0",
    )
    start = ["ray", "start", "--head", "--block", "--num-cpus=2", f"--node-ip-address={address}"]
    start += [f"--dashboard-host={address}", f"--temp-dir={folder}/s", "--object-store-memory=200000000"]
    start += ["--min-worker-port=0", "--max-worker-port=0", *(f"--{name}={p}" for name, p in head.ports.items())]
    try:
        with _started(start, head, tries):
            yield head
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(command: list[str], head: Head, tries: int) -> Iterator[None]:
    """Until Ray says that it runs; it is ended whatever happens."""
    log = head.folder / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=head.environment, stdout=sink, stderr=sink, start_new_session=True)
    try:
        while process.poll() is None and b"Ray runtime started" not in log.read_bytes():
            time.sleep(0.5)
        if process.poll() is None:
            yield
            return
    finally:
        _end(process)
    assert tries > 1, log.read_text()
    with _started(command, head, tries - 1):
        yield


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ray's own processes end with the one that started them."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_ports(address: str) -> dict[str, int]:
    """Below 10000: Ray's workers take ports above it."""
    with ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < len(_PORTS):
            port = 5000 + secrets.randbelow(4900)
            try:
                stack.enter_context(socket.socket()).bind((address, port))
            except OSError:
                continue
            ports.append(port)
    return dict(zip(_PORTS, ports, strict=True))
