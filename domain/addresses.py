"""Which network addresses a client may send us to: public ones, and none that only look public.

A client chooses the name of its receiver of callbacks, or of the back end behind a gateway, and the
owner of the name's DNS chooses where it leads. Without this check a connection could reach the
cloud's metadata service, a database, or this program itself (server-side request forgery). So the
check is made after resolution, on the address that is really connected to. Addresses with another
address inside (IPv4-mapped, NAT64, 6to4, Teredo) are refused, whatever is inside. Pure.

`domain.loopback` answers another question, in the other direction: here a wrong "public" is the
danger, there a wrong "loopback".
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address


class ForbiddenAddress(Exception):
    """A name has no address that may be connected to. Says which one it has, and why not."""


_V4_REFUSED = {
    IPv4Network("192.88.99.0/24"): "a 6to4 relay",
}
_V6_REFUSED = {
    IPv6Network("::ffff:0:0/96"): "an IPv4-mapped address",
    IPv6Network("::/96"): "an IPv4-compatible address",
    IPv6Network("::ffff:0:0:0/96"): "an IPv4-translated address",
    IPv6Network("64:ff9b::/96"): "a NAT64 address",
    IPv6Network("64:ff9b:1::/48"): "a NAT64 address",
    IPv6Network("2001::/32"): "a Teredo address",
    IPv6Network("2002::/16"): "a 6to4 address",
    IPv6Network("fec0::/10"): "a site-local address",
    IPv6Network("5f00::/16"): "a segment routing address",
}


def objection(address: str) -> str:
    """Why nothing may be sent to this IP address; "" when it may.

    An address with a zone (%eth0) is refused.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return "not an IP address"
    for holds, what in _kinds(ip):
        if holds:
            return what
    return "" if ip.is_global else "not a public address"


def admitted(host: str, addresses: Sequence[str]) -> list[str]:
    """The addresses of a name that may be connected to.

    Raises: ForbiddenAddress when there are addresses and none of them may.
    """
    public = [address for address in addresses if not objection(address)]
    if addresses and not public:
        raise ForbiddenAddress(
            f"{host} leads to {addresses[0]}, {objection(addresses[0])}: only public addresses are "
            "connected to."
        )
    return public


def _kinds(ip: IPv4Address | IPv6Address) -> list[tuple[bool, str]]:
    refused = _V4_REFUSED if isinstance(ip, IPv4Address) else _V6_REFUSED
    return [
        (ip.is_unspecified, "the unspecified address"),
        (ip.is_loopback, "a loopback address"),
        (ip.is_link_local, "a link-local address"),
        (ip.is_multicast, "a multicast address"),
        *((ip in network, what) for network, what in refused.items()),
        (isinstance(ip, IPv6Address) and ip.scope_id is not None, "an address with a zone"),
        (ip.is_private, "a private address"),
        (ip.is_reserved, "a reserved address"),
    ]
