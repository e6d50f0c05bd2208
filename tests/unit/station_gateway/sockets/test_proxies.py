"""Whose address counts behind a balancer, and how little its headers may be trusted."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station_gateway.proxies import (
    MAX_HEADER_BYTES,
    SIGNATURE,
    BadProxyHeader,
    ProxyHeader,
    TrustedProxies,
    read_proxy_header,
)
from station_gateway.settings import GatewaySettings


def header(address: str, *, command: int = 0x21, fields: bytes = b"", family: int = 0) -> bytes:
    """A PROXY header of version 2 for TCP."""
    source = ip_address(address).packed
    addresses = source + source + b"\x12\x34\x23\x28" + fields
    kind = family or (0x11 if len(source) == 4 else 0x21)
    return SIGNATURE + bytes([command, kind]) + len(addresses).to_bytes(2, "big") + addresses


def raw(command: int, family: int, rest: bytes, length: int | None = None) -> bytes:
    told = len(rest) if length is None else length
    return SIGNATURE + bytes([command, family]) + told.to_bytes(2, "big") + rest


@pytest.mark.parametrize(
    ("data", "address"),
    [
        (header("203.0.113.9"), "203.0.113.9"),
        (header("2001:db8::9"), "2001:db8::9"),
        (header("::ffff:203.0.113.9"), "203.0.113.9"),
        (header("203.0.113.9", fields=b"\x04\x00\x03abc"), "203.0.113.9"),
        (header("203.0.113.9", command=0x20), ""),
        (raw(0x20, 0x00, b""), ""),
        (raw(0x21, 0x00, b"whatever"), ""),
        (raw(0x21, 0x31, b"x" * 216), ""),
    ],
)
def test_a_header_tells_the_address_and_where_the_stations_bytes_begin(
    data: bytes, address: str
) -> None:
    assert read_proxy_header(data + b"GET /") == ProxyHeader(address, len(data))
    for end in range(len(data)):
        assert read_proxy_header(data[:end]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET /ocpp/S1 HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"PROXY TCP4 203.0.113.9 192.0.2.1 4660 9000\r\n",
        SIGNATURE[:-1] + b"\x00",
        header("203.0.113.9", command=0x11),
        header("203.0.113.9", command=0x22),
        header("203.0.113.9", family=0x12),
        header("203.0.113.9", family=0x21),
        raw(0x21, 0x11, b"x" * 11),
        raw(0x21, 0x21, b"x" * 35),
        raw(0x21, 0x31, b"x" * 100),
        raw(0x21, 0x55, b"x" * 100),
        raw(0x20, 0x00, b"", MAX_HEADER_BYTES),
        raw(0x21, 0x11, b"", 0xFFFF),
    ],
)
def test_a_malformed_proxy_header_is_refused_as_soon_as_it_cannot_be_one(data: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        read_proxy_header(data)


@given(st.binary(max_size=80), st.booleans())
def test_no_bytes_end_otherwise_than_refused_incomplete_or_read(data: bytes, signed: bool) -> None:
    begun = SIGNATURE + data if signed else data
    try:
        read = read_proxy_header(begun)
    except BadProxyHeader:
        return
    assert read is None or 16 <= read.length <= len(begun)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["203.0.113.9:50000"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8::9]:50000"], "2001:db8::9"),
        ("::ffff:10.0.0.1", ["::ffff:203.0.113.9"], "203.0.113.9"),
        ("2001:db8:aa::1", ["fe80::1%eth0"], "fe80::1"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, "], "10.0.0.1"),
        ("10.0.0.1", ["1" * 10_000], "10.0.0.1"),
        ("203.0.113.66", ["127.0.0.1"], "203.0.113.66"),
        ("", ["127.0.0.1"], ""),
    ],
)
def test_a_forwarded_address_counts_only_from_trusted_balancers(
    peer: str, forwarded: list[str], address: str
) -> None:
    proxies = TrustedProxies("10.0.0.0/24, 2001:db8:aa::1")
    assert proxies.station_address(peer, forwarded) == address


@pytest.mark.parametrize(
    "settings",
    [
        GatewaySettings(trusted_proxies="balancer.internal", forwarded_for=True),
        GatewaySettings(trusted_proxies="10.0.0.1/8", forwarded_for=True),
        GatewaySettings(proxy_protocol=True),
        GatewaySettings(forwarded_for=True),
        GatewaySettings(trusted_proxies="10.0.0.1"),
    ],
)
def test_a_gateway_does_not_start_with_half_of_the_settings_of_balancers(
    settings: GatewaySettings,
) -> None:
    with pytest.raises(ValueError, match="trusted_proxies"):
        settings.check()


def test_a_gateway_starts_with_balancers_that_tell_in_either_way() -> None:
    GatewaySettings(trusted_proxies="10.0.0.1, fd00::/8", proxy_protocol=True).check()
    GatewaySettings(trusted_proxies="10.0.0.1", forwarded_for=True).check()
