"""Whose address counts behind a balancer: PROXY protocol version 2, and X-Forwarded-For.

Pure: bytes and texts in, addresses out. Only what a trusted balancer says is believed. Source:
https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2.2.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"

MAX_HEADER_BYTES = 2048
"""Balancers add fields behind the addresses, of some hundred bytes. Longer ones are refused."""

_FIXED_BYTES = 16
_LOCAL, _PROXY = 0x20, 0x21
_NO_ADDRESS = {0x00: 0, 0x31: 216}
_SOURCE_BYTES = {0x11: 4, 0x21: 16}
_PORTS_BYTES = 4
_LONGEST_ADDRESS = 64

Address = IPv4Address | IPv6Address


class BadProxyHeader(Exception):
    """The connection does not begin with a PROXY header of version 2 for TCP."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """A complete header. address: the station's; "" when the balancer speaks for itself.

    length: how many bytes the header takes.
    """

    address: str
    length: int


def read_proxy_header(data: bytes) -> ProxyHeader | None:
    """The header at the beginning of a connection; None while it is not complete.

    Raises:
        BadProxyHeader: as soon as the bytes cannot become a header.
    """
    signature = SIGNATURE[: len(data)]
    if data[: len(SIGNATURE)] != signature:
        raise BadProxyHeader("no signature")
    if len(data) < _FIXED_BYTES:
        return None
    command, family = data[12], data[13]
    length = _FIXED_BYTES + int.from_bytes(data[14:16], "big")
    if command not in {_LOCAL, _PROXY} or length > MAX_HEADER_BYTES:
        raise BadProxyHeader("unknown command or version, or too long")
    source = 0
    if command == _PROXY:
        source = _source_bytes(family, length - _FIXED_BYTES)
    if len(data) < length:
        return None
    told = data[_FIXED_BYTES : _FIXED_BYTES + source]
    return ProxyHeader(str(_unmapped(ip_address(told))) if told else "", length)


def _source_bytes(family: int, length: int) -> int:
    """How long the station's address is; 0 for none."""
    source = _SOURCE_BYTES.get(family, 0)
    needed = 2 * source + _PORTS_BYTES if source else _NO_ADDRESS.get(family)
    if needed is None or length < needed:
        raise BadProxyHeader("another protocol than TCP, or no room for its addresses")
    return source


class TrustedProxies:
    """The balancers that may tell a station's address.

    Raises: ValueError when the text is no list of addresses and networks.
    """

    def __init__(self, text: str) -> None:
        self._networks = [ip_network(each.strip()) for each in text.split(",") if each.strip()]

    def __contains__(self, address: str) -> bool:
        read = read_address(address)
        return read is not None and any(read in network for network in self._networks)

    def station_address(self, address: str, forwarded: Iterable[str]) -> str:
        """The address nearest to the station that no untrusted peer can have made up.

        address: the peer's. forwarded: every X-Forwarded-For line, in their order. Each balancer
        adds at the right the peer that it saw, so the list is believed from the right, for as long
        as those who wrote it are trusted.
        """
        hops = [hop for line in forwarded for hop in line.split(",")]
        while hops and address in self:
            told = read_address(hops.pop())
            if told is None:
                break
            address = str(told)
        return address


def read_address(text: str) -> Address | None:
    """The IP address in a text that may have brackets, a port or a zone; None without one."""
    bare = text.strip()
    if len(bare) > _LONGEST_ADDRESS:
        return None
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return _unmapped(ip_address(bare.partition("%")[0]))
    except ValueError:
        return None


def _unmapped(address: Address) -> Address:
    """An IPv4 address that was written as IPv6 is the IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
