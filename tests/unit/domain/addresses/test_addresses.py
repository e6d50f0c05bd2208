"""Which addresses a client may send us to."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.addresses import ForbiddenAddress, admitted, objection

PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:2800:220:1::1", "2001:4860:4860::8888"]
REFUSED = {
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "::1": "loopback",
    "0.0.0.0": "unspecified",
    "0.1.2.3": "private",
    "::": "unspecified",
    "10.0.0.1": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "fd00::1": "private",
    "fc00::1": "private",
    "169.254.169.254": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "2606:2800:220:1::1%eth0": "zone",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "ff02::1": "multicast",
    "ff0e::1": "multicast",
    "240.0.0.1": "private",
    "255.255.255.255": "private",
    "100.64.0.1": "not a public",
    "192.0.2.1": "private",
    "198.18.0.1": "private",
    "192.88.99.1": "6to4",
    "2001:db8::1": "private",
    "::ffff:127.0.0.1": "mapped",
    "::ffff:93.184.216.34": "mapped",
    "::93.184.216.34": "compatible",
    "::ffff:0:10.0.0.1": "translated",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b::5db8:d822": "NAT64",
    "64:ff9b:1::1": "NAT64",
    "2002:7f00:1::": "6to4",
    "2001:0:5ef5:79fd::1": "Teredo",
    "fec0::1": "site-local",
    "not an address": "not an IP",
    "": "not an IP",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_posted_to(address: str) -> None:
    assert objection(address) == ""


@pytest.mark.parametrize(("address", "why"), REFUSED.items())
def test_an_address_that_is_not_public_is_refused_with_its_kind(address: str, why: str) -> None:
    assert why in objection(address)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_what_is_admitted_is_global_and_of_one_address_only(ip: IPv4Address | IPv6Address) -> None:
    if objection(str(ip)) == "":
        assert ip.is_global
        assert not (ip.is_multicast or ip.is_private or ip.is_loopback or ip.is_link_local)
        assert not isinstance(ip, IPv6Address) or not (ip.ipv4_mapped or ip.sixtofour or ip.teredo)


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_gets_in_inside_of_another(ip: IPv4Address) -> None:
    number = int(ip)
    for prefix in ("::ffff:0:0", "::", "64:ff9b::", "::ffff:0:0:0"):
        assert objection(str(IPv6Address(int(ip_address(prefix)) | number))) != ""
    assert objection(str(IPv6Address((0x2002 << 112) | (number << 80)))) != ""


def test_of_a_names_addresses_only_the_public_ones_are_used() -> None:
    assert admitted("name", ["10.0.0.1", "1.1.1.1", "::1"]) == ["1.1.1.1"]
    assert admitted("name", []) == []
    with pytest.raises(ForbiddenAddress, match="private"):
        admitted("name", ["10.0.0.1", "::1"])
