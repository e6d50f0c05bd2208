"""A listener counts as loopback only where no other machine can reach it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.loopback import is_loopback, is_loopback_listener

REACHED_FROM_HERE_ONLY = (
    "localhost",
    "127.0.0.1",
    "127.0.0.2",
    "127.255.255.254",
    "::1",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "[::ffff:127.8.9.10]",
    "::ffff:7f00:1",
)
REACHED_FROM_ELSEWHERE = (
    "",
    "0.0.0.0",
    "::",
    "[::]",
    "::ffff:0.0.0.0",
    "::ffff:10.0.0.1",
    "126.255.255.255",
    "128.0.0.1",
    "10.0.0.1",
    "192.168.0.1",
    "fe80::1",
    "::2",
)
ONLY_LOOKS_SO = (
    "localhost.example.com",
    "localhost.",
    "LOCALHOST",
    " localhost",
    "localhost ",
    "notlocalhost",
    "sub.localhost",
    "127.0.0.1.example.com",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1/8",
    "127.0.0.1,0.0.0.0",
    "127.0.0.1:80",
    "::1%eth0",
    "::1%",
    "[127.0.0.1]",
    "[localhost]",
    "[::1",
    "::1]",
    "[[::1]]",
    "[]",
    "127.0.0.\N{ARABIC-INDIC DIGIT ONE}",
    "127.0.0.1\n",
    "127.0.0.1\x00",
    "*",
)


@pytest.mark.parametrize("host", REACHED_FROM_HERE_ONLY)
def test_a_host_of_this_machine_only_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", [*REACHED_FROM_ELSEWHERE, *ONLY_LOOKS_SO])
def test_every_other_host_is_not(host: str) -> None:
    assert not is_loopback(host)


@given(st.text(max_size=40))
def test_no_text_is_loopback_by_chance(host: str) -> None:
    assert not is_loopback(host) or host in REACHED_FROM_HERE_ONLY


@given(st.ip_addresses(v=4))
def test_of_the_v4_addresses_only_127_is_loopback(address: object) -> None:
    mine = str(address).startswith("127.")
    assert is_loopback(str(address)) == mine
    assert is_loopback(f"::ffff:{address}") == mine


@pytest.mark.parametrize(
    "listen",
    ["127.0.0.1:50051", "[::1]:50051", "localhost:0", "unix:/run/broker.sock", "unix:///run/x"],
)
def test_a_listener_of_this_machine_only_is_loopback(listen: str) -> None:
    assert is_loopback_listener(listen)


@pytest.mark.parametrize(
    "listen",
    [
        *("0.0.0.0:50051", "[::]:50051", "broker.example:50051", ":50051", "", "localhost"),
        *("127.0.0.1", "localhost.example:1", "localhost:1,0.0.0.0:1", "127.0.0.1:1,0.0.0.0:1"),
        *("::1", "::1:5005", "::1:50051", "::ffff:127.0.0.1:80"),
        *("UNIX:/run/x", "/run/x", "unix/run/x", "unix-abstract:x", "vsock:1:2"),
        *("dns:localhost:1", "dns:///127.0.0.1:1", "ipv4:127.0.0.1:1,0.0.0.0:2"),
    ],
)
def test_every_other_listener_is_not(listen: str) -> None:
    assert not is_loopback_listener(listen)
