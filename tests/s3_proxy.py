"""A proxy before an S3 server that counts requests and makes trouble: a process of its own, told what to do by lines.

python tests/s3_proxy.py PORT     PORT of the server; prints its own

Each line of JSON that it reads changes its settings (slow_down, reset, latency, only, forget); it answers with a line
that says what has happened so far.
"""

import asyncio
import json
import random
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

_SLOW = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    + f"Content-Length: {len(_SLOW)}\r\n\r\n".encode()
    + _SLOW
)
_OURS = (b"connection:", b"expect:")


@dataclass
class State:
    """Settings and counts: see tests.s3.S3Proxy."""

    slow_down: float = 0
    reset: float = 0
    latency: float = 0
    only: list[str] = field(default_factory=lambda: ["GET", "HEAD", "PUT", "POST", "DELETE"])
    asked: list[tuple[str, str]] = field(default_factory=list)
    troubled: int = 0
    most_at_once: int = 0


class Proxy:
    """One request for each connection: the end of an answer is then the end of the stream."""

    def __init__(self, port: int) -> None:
        self.port, self.state, self.now = port, State(), 0
        self.dice = random.Random(0)

    def told(self, line: str) -> str:
        """Change settings; what has happened so far."""
        changes: dict[str, Any] = json.loads(line)
        if changes.pop("forget", False):
            self.state = State()
        for name, value in changes.items():
            setattr(self.state, name, value)
        return json.dumps(asdict(self.state))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Of one connection."""
        self.now += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            state = self.state
            state.most_at_once = max(state.most_at_once, self.now)
            method, path = head.decode("latin-1").split(" ", 2)[:2]
            state.asked.append((method, path))
            trouble = method in state.only
            await asyncio.sleep(state.latency if trouble else 0)
            chance = self.dice.random() if trouble else 1
            state.troubled += chance < state.reset + state.slow_down
            if chance < state.reset / 2:
                writer.transport.abort()
            elif chance < state.reset:
                await self.forward(head, reader, writer, cut=self.dice.randrange(1, 2000))
            elif chance < state.reset + state.slow_down:
                await _body(head, reader, writer)
                writer.write(_SLOW_DOWN)
            else:
                await self.forward(head, reader, writer, cut=None)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.now -= 1
            writer.close()

    async def forward(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: int | None
    ) -> None:
        """Ask the server, and give its answer, or so many bytes of it."""
        body = await _body(head, reader, writer)
        answer, upstream = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            lines = [line for line in head.split(b"\r\n")[:-2] if not line.lower().startswith(_OURS)]
            upstream.write(b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body)
            while chunk := await answer.read(cut or 65_536):
                writer.write(chunk)
                await writer.drain()
                if cut:
                    writer.transport.abort()
                    return
        finally:
            upstream.close()


async def _body(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    if fields.get(b"expect", b"").strip() == b"100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if b"chunked" not in fields.get(b"transfer-encoding", b""):
        return await reader.readexactly(int(fields.get(b"content-length", b"0")))
    parts = []
    while True:
        line = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(line.split(b";")[0], 16) + 2)
        parts += [line, chunk]
        if chunk == b"\r\n":
            return b"".join(parts)


async def main(port: int) -> None:
    """Serve until there are no more lines."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    answer = str(server.sockets[0].getsockname()[1])
    while True:
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
        line = await asyncio.to_thread(sys.stdin.readline)
        if not line:
            return
        answer = proxy.told(line)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
