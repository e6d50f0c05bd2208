"""From the name of a receiver to its addresses, without a thread.

The system's own function (getaddrinfo) holds a thread until it ends, which takes half a minute for
a zone whose servers are dead. A few such names take every thread of the process, and no callback of
anybody gets an address any more. So names are asked for with c-ares: it waits for many answers at
once and has a time limit. It reads /etc/hosts and /etc/resolv.conf and nothing else of the system's
(no mDNS, no LDAP).

What was found is kept for a short time. Whoever connects checks each address each time.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import aiodns

LOOKUP_S = 5.0
"""A name that is not found within this time cannot be resolved for now."""

KEPT_S = 30.0
"""For how long the addresses of a name are kept."""

FAILURE_KEPT_S = 5.0
"""For how long it is kept that a name could not be resolved."""

MOST_KEPT = 1_000
"""How many names are kept."""

_TRY_S = 1.0  # of one question to one server; the next try has twice the time
_TRIES = 2

Lookup = Callable[[str], Awaitable[list[str]]]
"""Finds the addresses of a name. Raises: OSError."""


class SystemNames:
    """Asks the servers that this system uses. Has to be closed. servers: others, as IP:PORT."""

    def __init__(self, servers: Sequence[str] | None = None) -> None:
        self._servers = servers
        self._resolver: aiodns.DNSResolver | None = None

    async def lookup(self, host: str) -> list[str]:
        """The addresses of a name. Raises: socket.gaierror."""
        if self._resolver is None:
            self._resolver = aiodns.DNSResolver(
                self._servers, timeout=_TRY_S, tries=_TRIES, lookups="fb"
            )
        try:
            found = await self._resolver.getaddrinfo(host, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as error:
            raise socket.gaierror(socket.EAI_NONAME, "no address") from error
        return [node.addr[0].decode() for node in found.nodes]

    async def close(self) -> None:
        """End the questions under way."""
        if self._resolver is not None:
            await self._resolver.close()


@dataclass(frozen=True, slots=True)
class _Kept:
    """addresses: none when the name could not be resolved. until: the event loop's time."""

    addresses: tuple[str, ...]
    until: float


class Names:
    """Finds names and keeps them for a short time. One question per name is under way at once.

    A post that waits for a name holds its place, so there are no more questions than posts; one
    that outlives its post ends by itself after `limit_s`.
    """

    def __init__(self, lookup: Lookup, limit_s: float = LOOKUP_S) -> None:
        self._lookup = lookup
        self._limit_s = limit_s
        self._kept: dict[str, _Kept] = {}
        self._asked: dict[str, asyncio.Task[tuple[str, ...]]] = {}

    async def addresses(self, host: str) -> list[str]:
        """The addresses of a name or of an IP address, without doubles. Raises: socket.gaierror."""
        if _is_address(host):
            return [host]
        kept = self._kept.get(host)
        if kept is not None and kept.until > asyncio.get_running_loop().time():
            found = kept.addresses
        else:
            # Shielded: others may wait for the same name.
            found = await asyncio.shield(self._question(host))
        if not found:
            raise socket.gaierror(socket.EAI_AGAIN, "the name could not be resolved")
        return list(found)

    async def close(self) -> None:
        """Wait for nothing any longer."""
        asked = list(self._asked.values())
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    def _question(self, host: str) -> "asyncio.Task[tuple[str, ...]]":
        task = self._asked.get(host)
        if task is None:
            task = self._asked[host] = asyncio.create_task(self._ask(host))
            task.add_done_callback(lambda _: self._asked.pop(host, None))
        return task

    async def _ask(self, host: str) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(self._limit_s):
                found = tuple(dict.fromkeys(await self._lookup(host)))
        except OSError:  # TimeoutError is one
            found = ()
        self._keep(host, found)
        return found

    def _keep(self, host: str, found: tuple[str, ...]) -> None:
        self._kept.pop(host, None)
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]  # the one that was found first
        until = asyncio.get_running_loop().time() + (KEPT_S if found else FAILURE_KEPT_S)
        self._kept[host] = _Kept(found, until)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
