"""Names of this system over real sockets: a server that does not answer holds up nobody else."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from broker.callbacks.client import Receivers
from broker.callbacks.names import Names, SystemNames
from broker.settings import BrokerSettings
from contract.callbacks import PostStatus
from tests.support.receiver import receiving


class NameServer(asyncio.DatagramProtocol):
    """Says 192.0.2.7 for every name, but nothing at all for names under `.dead`."""

    def __init__(self) -> None:
        self.silent_for = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the socket."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """Answers a question for an IPv4 address, and has no other."""
        question = data[12 : data.index(b"\0", 12) + 5]
        if b"\x04dead\0" in question.lower():
            self.silent_for += 1
            return
        found = question[-4:-2] == b"\0\1"
        answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton("192.0.2.7")
        head = data[:2] + struct.pack("!HHHHH", 0x8180, 1, int(found), 0, 0)
        self._transport.sendto(head + question + (answer if found else b""), addr)


@asynccontextmanager
async def served() -> AsyncIterator[tuple[NameServer, SystemNames]]:
    """A server of names on loopback, and who asks it."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
    system = SystemNames([f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"])
    try:
        yield server, system
    finally:
        await system.close()
        transport.close()


async def test_a_clients_dead_zone_does_not_hold_up_the_names_of_others() -> None:
    async with served() as (server, system):
        names = Names(system.lookup)
        dead = [asyncio.create_task(names.addresses(f"r{n}.dead")) for n in range(100)]
        while server.silent_for < 100:
            await asyncio.sleep(0.01)
        assert await names.addresses("live.example.com") == ["192.0.2.7"]
        assert not any(task.done() for task in dead)
        await names.close()
        await asyncio.gather(*dead, return_exceptions=True)


async def test_a_dead_zone_is_an_unknown_name_in_the_end() -> None:
    async with served() as (_, system):
        with pytest.raises(socket.gaierror):
            await Names(system.lookup, limit_s=0.2).addresses("r.dead")


def own_names() -> list[str]:
    """The names that /etc/hosts gives to 127.0.0.1."""
    lines = [line.partition("#")[0].split() for line in Path("/etc/hosts").read_text().splitlines()]
    return [name for line in lines if line[:1] == ["127.0.0.1"] for name in line[1:]]


async def test_names_of_the_hosts_file_are_found_and_posted_to() -> None:
    settings = BrokerSettings(callback_allow_private=True)
    async with receiving() as receiver:
        for name in own_names():
            receivers = Receivers(settings)
            result = await receivers.post(f"http://{name}:{receiver.port}/", {}, b"{}")
            await receivers.close()
            assert result.status is PostStatus.DELIVERED
    assert len(receiver.posts) == len(own_names()) > 0
