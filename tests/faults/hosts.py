"""Two hosts, one of which is cut off in the middle of a run: a part of this machine with a network, a /tmp and
processes of its own. Needs root, and the commands `ip`, `unshare` and `nsenter`."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faceray.storage import Folder
from tests.cluster.head import Head, ray_head
from tests.faults.breaks import check
from tests.faults.place import ROOT, environment, job, tables, written
from tests.s3 import BUCKET, S3Server, make_bucket, storage

_HERE, _THERE = "10.213.77.1", "10.213.77.2"

_NEW = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def can_make_hosts() -> bool:
    """Whether this machine lets us. The other host sees nothing of this /tmp."""
    commands = all(shutil.which(name) for name in ("ip", "unshare", "nsenter"))
    return (
        commands
        and not any(str(place).startswith("/tmp/") for place in (ROOT, sys.prefix))
        and subprocess.run(["unshare", *_NEW, "true"], capture_output=True, check=False).returncode == 0
        and subprocess.run(["ip", "link", "show"], capture_output=True, check=False).returncode == 0
    )


@dataclass
class Host:
    """The other one; `wire` is this end of the cable to it."""

    root: int  # its first process
    wire: str

    def start(self, command: Sequence[str], variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start a command there."""
        enter = ["nsenter", f"--target={self.root}", "--net", "--mount", "--pid", "--wd=/"]
        return subprocess.Popen(
            [*enter, *command], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def works(self) -> bool:
        """Whether stages of a run have processes there."""
        inside = ["nsenter", f"--target={self.root}", "--pid", "--mount", "pgrep", "-f", "^ray::Map"]
        return subprocess.run(inside, capture_output=True, check=False).returncode == 0

    def cut_off(self) -> None:
        """Pull the cable."""
        _do("ip", "link", "set", self.wire, "down")


@contextmanager
def other_host() -> Iterator[Host]:
    """A host at _THERE with a cable to this machine, which is at _HERE."""
    script = "mount -t tmpfs tmpfs /tmp && echo ready && exec sleep infinity"
    holder = subprocess.Popen(["unshare", *_NEW, "sh", "-c", script], stdout=subprocess.PIPE)
    name = secrets.token_hex(3)
    here, there = f"fr{name}a", f"fr{name}b"
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"ready\n"
        root = int(Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()[0])
        _do("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", str(root))
        _do("ip", "address", "add", f"{_HERE}/24", "dev", here)
        _do("ip", "link", "set", here, "up")
        inside = ["nsenter", f"--target={root}", "--net", "ip"]
        _do(*inside, "address", "add", f"{_THERE}/24", "dev", there)
        for device in (there, "lo"):
            _do(*inside, "link", "set", device, "up")
        yield Host(root, here)
    finally:
        holder.kill()
        holder.wait()
        subprocess.run(["ip", "link", "delete", here], capture_output=True, check=False)


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def cut_off(folder: Path, photos: Mapping[str, bytes], limit: float = 1800) -> str:
    """Annotate photos in a bucket on two hosts, once as it should be, once with the other host cut off in the middle.

    Returns:
        What happened, in words.

    Raises:
        AssertionError: a run failed, or the tables differ.
    """
    server = S3Server(folder / "s3", _HERE)
    with environment(), other_host() as host:
        server.start()
        try:
            make_bucket(server, BUCKET)
            corpus = Folder.at(f"s3://{BUCKET}/photos", storage(server))
            for name, content in photos.items():
                corpus.write(name, content)
            with ray_head(_HERE) as head:
                _join(host, head)
                whole = _run(head, server, "whole", limit)
                cut = _run(head, server, "cut", limit, host)
            found = [tables(Folder.at(f"s3://{BUCKET}/{name}", storage(server))) for name in ("cut", "whole")]
        finally:
            server.kill()
    assert len(found[0][0]) == len(photos)
    check(*found)
    return f"{len(photos)} images: whole {whole}; cut off {cut}; the tables are equal"


def _join(host: Host, head: Head) -> None:
    command = [str(Path(sys.executable).parent / "ray"), "start", "--block", "--num-cpus=2"]
    command += [f"--address={_HERE}:{head.ports['port']}", f"--node-ip-address={_THERE}"]
    process = host.start([*command, "--object-store-memory=200000000"], head.environment)
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if "Ray runtime started" in line:
            return
    raise AssertionError("".join(said))


def _run(head: Head, server: S3Server, output: str, limit: float, host: Host | None = None) -> str:
    """The job to its end; when a part of its rows is written, the host is cut off."""
    start, place = time.monotonic(), Folder.at(f"s3://{BUCKET}/{output}", storage(server))
    said = head.folder / "said"
    with said.open("wb") as sink:
        command = job(output, server.endpoint, f"{_HERE}:{head.ports['port']}")
        process = subprocess.Popen(command, env=head.environment, stdout=sink, stderr=sink, start_new_session=True)
    words = ""
    try:
        while process.poll() is None:
            assert time.monotonic() < start + limit, said.read_text()[-2000:]
            if host and not words and host.works() and (rows := written(place)):
                host.cut_off()
                words = f"after {rows} rows, {time.monotonic() - start:.0f} s; "
            time.sleep(0.2)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, said.read_text()[-2000:]
    assert bool(words) == bool(host), "the run was over before it could be cut off"
    return f"{words}done in {time.monotonic() - start:.0f} s"
