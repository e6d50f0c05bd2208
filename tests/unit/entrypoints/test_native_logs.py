"""What libraries in C write themselves does not reach the log's pipe: nobody may be reading it."""

import socket
import struct
import subprocess
import sys
import time

SERVER = """
import asyncio, sys
import entrypoints.cli
import grpc, grpc.aio

class Refusing(grpc.aio.ServerInterceptor):
    async def intercept_service(self, continuation, details):
        async def refuse(request, context):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "no")
        return grpc.unary_unary_rpc_method_handler(refuse)

async def main():
    server = grpc.aio.server(interceptors=[Refusing()], options=[("grpc.max_metadata_size", 16384)])
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)

asyncio.run(main())
"""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, SETTINGS = 1, 4
END_OF_ALL = 5
CALL = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/a/b"),
    (b":authority", b"x"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
)
LONG = b"\x40\x01z\x7f" + bytes([(3900 - 127) & 127 | 128, (3900 - 127) >> 7]) + b"a" * 3900
"""A header that the other end keeps; `AGAIN` is it once more, in one byte."""
AGAIN = b"\xbe"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    size = struct.pack(">I", len(payload))[1:]
    return size + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def too_large_headers() -> bytes:
    """A connection that says nothing of the server's settings, and calls with huge headers."""
    call = b"".join(
        b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in CALL
    )
    calls = [frame(HEADERS, END_OF_ALL, 1, call + LONG)]
    calls += [frame(HEADERS, END_OF_ALL, 3 + 2 * at, call + AGAIN * 10_000) for at in range(20)]
    return PREFACE + frame(SETTINGS, 0, 0, b"") + b"".join(calls)


def test_grpc_writes_nothing_itself_whatever_strangers_send() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
        stranger.sendall(too_large_headers())
        answered, deadline = b"", time.monotonic() + 10
        while len(answered) < 300 and time.monotonic() < deadline:
            answered += stranger.recv(65_536)
    _, written = process.communicate(timeout=20)
    assert written.decode() == ""
