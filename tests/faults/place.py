"""Where things are broken on purpose: a Ray cluster of several nodes, an S3 server with a corpus, and the real job."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from ray.cluster_utils import Cluster

from faceray.results.committer import Committer
from faceray.storage import Folder
from tests.s3 import BUCKET, KEY, SECRET, S3Proxy, S3Server, make_bucket, storage

ROOT = Path(__file__).parent.parent.parent
_CONFIG = {"_system_config": {"idle_worker_killing_time_threshold_ms": 20_000, "worker_niceness": 0}}
_OF_THE_RUN = ["run_id", "annotated_at"]
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_EC2_METADATA_DISABLED": "true",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PYTHONPATH": str(ROOT),
}


@dataclass
class Place:
    """All of it. `dice` decides what random moments and processes are."""

    server: S3Server
    proxy: S3Proxy
    dice: random.Random
    count: int = 2  # nodes besides the head
    head: Cluster = field(default_factory=lambda: _attempt(lambda: Cluster(True, head_node_args=_node(1) | _CONFIG)))
    nodes: list[Any] = field(default_factory=list)
    driver: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        while len(self.nodes) < self.count:
            self.join()

    def join(self) -> None:
        """Another node."""
        self.nodes.append(_attempt(lambda: self.head.add_node(**_node(1))))

    def upload(self, photos: dict[str, bytes]) -> None:
        """The corpus."""
        folder = Folder.at(f"s3://{BUCKET}/photos", storage(self.server))
        for name, content in photos.items():
            folder.write(name, content)

    def start(self, output: str) -> "subprocess.Popen[bytes]":
        """The job, as somebody would start it; its output goes nowhere but to `tables`."""
        self.driver = subprocess.Popen(
            job(output, self.proxy.endpoint, self.head.address),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return self.driver

    def workers(self) -> list[int]:
        """Processes of the stages."""
        nodes = [self.head.head_node, *self.nodes]
        return sorted(p for p in self.processes(*nodes) if _title(p).startswith(b"ray::Map"))

    def processes(self, *nodes: Any) -> list[int]:
        """Raylets of the nodes, and all that they started."""
        raylets = {info.process.pid for node in nodes for info in node.all_processes.get("raylet", ())}
        running = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
        return sorted(p for p in running if p in raylets or _below(p, raylets))

    def written(self, output: str) -> int:
        """Rows of the images table so far."""
        return written(Folder.at(f"s3://{BUCKET}/{output}", storage(self.server)))

    def tables(self, output: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """See `tables`."""
        return tables(Folder.at(f"s3://{BUCKET}/{output}", storage(self.server)))


def job(output: str, endpoint: str, address: str) -> list[str]:
    """The command that annotates the bucket's photos."""
    where = ["--input", f"s3://{BUCKET}/photos", "--output", f"s3://{BUCKET}/{output}"]
    settings = ["--storage.endpoint", endpoint, "--storage.region", "us-east-1"]
    settings += ["--address", address, "--attributes", "none", "--commit_seconds", "0.5"]
    return [sys.executable, str(ROOT / "jobs" / "annotate.py"), *where, *settings]


def lay_out(folder: Path, photos: Mapping[str, bytes]) -> None:
    """The corpus on a disk."""
    for name, content in photos.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def written(output: Folder) -> int:
    """Rows of the images table so far."""
    try:
        return Committer(output, 0).images.dataset().count_rows()
    except Exception:  # the server may be down
        return 0


def tables(output: Folder) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Images and faces in a fixed order, without what tells one run from another; nothing else in the folders."""
    committer = Committer(output, 0)
    found = []
    for table, key in ((committer.images, "uri"), (committer.faces, "face_id")):
        assert table.delta
        live = {uri.rpartition("/")[2] for uri in table.delta.file_uris()}
        assert {name for name in table.folder.names() if name.startswith("part-")} == live, "stray files"
        rows = table.dataset().to_table().to_pandas().sort_values(key, ignore_index=True)
        found.append(rows.drop(columns=_OF_THE_RUN, errors="ignore"))
    return found[0], found[1]


def _node(cpus: int) -> dict[str, Any]:
    return {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": 200 * 2**20}


def _attempt(start: Any) -> Any:
    """A busy machine is slower than Ray allows for."""
    for _ in range(3):
        try:
            return start()
        except Exception as error:
            last = error
            time.sleep(2)
    raise last


def _title(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def _below(process: int, ancestors: set[int]) -> bool:
    while process > 1:
        try:
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
        if process in ancestors:
            return True
    return False


@contextmanager
def environment() -> Iterator[None]:
    """What processes find in it, of this one and those below."""
    before = dict(os.environ)
    os.environ |= _ENVIRONMENT
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def place(folder: Path, seed: int, nodes: int = 2) -> Iterator[Place]:
    """Set up and cleared away."""
    server = S3Server(folder / "s3")
    with environment():
        try:
            server.start()
            make_bucket(server, BUCKET)
            proxy = S3Proxy(server)
            found = Place(server, proxy, random.Random(seed), nodes)
            try:
                yield found
            finally:
                if found.driver and found.driver.poll() is None:
                    os.killpg(found.driver.pid, signal.SIGKILL)
                found.head.shutdown()
                proxy.stop()
        finally:
            server.kill()
