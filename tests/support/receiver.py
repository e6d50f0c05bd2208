"""A receiver of callbacks on loopback that answers as a test says, well or badly."""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook

_LIMIT_S = 10


@dataclass(frozen=True)
class Answer:
    """What the receiver does with a post.

    raw: these bytes instead of an HTTP answer; delay_s: silent for so long before it.
    endless: these bytes after it for ever, with `pause_s` between them.
    """

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes | None = None
    delay_s: float = 0
    endless: bytes = b""
    pause_s: float = 0


HUGE = Answer(200, body=b"x" * 100_000)
SLOW = Answer(delay_s=60)
GARBAGE = Answer(raw=b"\x00\x01 this is not HTTP\r\n\r\n")
HANG_UP = Answer(raw=b"")


@dataclass(frozen=True)
class Post:
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: str

    @property
    def id(self) -> str:
        """Its webhook-id."""
        return self.headers["webhook-id"]

    @property
    def sequence(self) -> int:
        """The revision that it tells."""
        return int(self.json["sequence"])

    @property
    def json(self) -> dict[str, Any]:
        """Its content."""
        content: dict[str, Any] = json.loads(self.body)
        return content

    def verify(self, secret: str) -> dict[str, Any]:
        """Its content, after the specification's library accepted it."""
        content: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return content


class Receiver:
    """Answers posts: first the scripted `answers`, then `otherwise`."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.answers: deque[Answer] = deque()
        self.otherwise = Answer()
        self.port = 0
        self.scheme = "http"
        self._arrived = asyncio.Event()

    def url(self, path: str = "/hook") -> str:
        """Where it listens."""
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    async def received(self, count: int) -> list[Post]:
        """The posts, once there are so many."""
        async with asyncio.timeout(_LIMIT_S):
            while len(self.posts) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.posts

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one post."""
        try:
            post = await _read(reader)
            self.posts.append(post)
            self._arrived.set()
            answer = self.answers.popleft() if self.answers else self.otherwise
            await asyncio.sleep(answer.delay_s)
            writer.write(_wire(answer))
            await writer.drain()
            while answer.endless:
                writer.write(answer.endless)
                await writer.drain()
                await asyncio.sleep(answer.pause_s)
        except (OSError, asyncio.IncompleteReadError):
            pass  # it hung up: that is its right
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def receiving(
    tls: ssl.SSLContext | None = None, port: int = 0, receiver: Receiver | None = None
) -> AsyncIterator[Receiver]:
    """A receiver that listens on loopback; `receiver` goes on being the one it was."""
    receiver = receiver or Receiver()
    receiver.scheme = "https" if tls else "http"
    serving: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(receiver.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Post:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Post(first.split()[1], headers, body.decode())


def _wire(answer: Answer) -> bytes:
    if answer.raw is not None:
        return answer.raw
    headers = {"content-length": str(len(answer.body)), "connection": "close", **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} Whatever"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + answer.body
