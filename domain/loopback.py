"""Whether an address can be reached from this machine only. Pure, and part of the security.

Every process that listens without TLS or without credentials asks this first. A wrong "no" costs an
operator one setting. A wrong "yes" opens the process to a network. So everything that is not known
to be loopback is not: names are never resolved, and only the name `localhost` is taken.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address

_NAME = "localhost"
_SOCKET_FILE = "unix:"


def is_loopback(host: str) -> bool:
    """Whether a listener on this host takes connections from this machine only.

    host: a name or an IP address without a port, an IPv6 address with or without its brackets.
    The empty host means "all addresses" to a listener, so it is not loopback.
    """
    if host == _NAME:
        return True
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        address = ip_address(host[1:-1] if bracketed else host)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return address.is_loopback and not bracketed
    return _is_loopback_v6(address)


def is_loopback_listener(listen: str) -> bool:
    """The same for HOST:PORT, and for `unix:PATH`: a socket file has no network.

    An IPv6 host needs its brackets here: "::1:5005" is another address, without a port.
    """
    if listen.startswith(_SOCKET_FILE):
        return True
    host, separator, _ = listen.rpartition(":")
    bare_v6 = ":" in host and not host.startswith("[")
    return bool(separator) and not bare_v6 and is_loopback(host)


def _is_loopback_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None:  # "::1%eth0": an address of an interface
        return False
    # Written out: Python's own answer for a mapped address differs from version to version.
    mapped = address.ipv4_mapped
    return mapped.is_loopback if mapped is not None else address.is_loopback
