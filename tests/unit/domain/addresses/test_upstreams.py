"""What the address of another back end may look like."""

import pytest

from domain.upstreams import MAX_URL, host_of, is_secure, upstream_fault


@pytest.mark.parametrize(
    "url",
    [
        "wss://csms.example/ocpp/{station}",
        "wss://csms.example:8443/a?cp={station}",
        "ws://[::1]:9000/",
        "ws://10.0.0.1",
    ],
)
def test_an_address_of_a_back_end(url: str) -> None:
    assert upstream_fault(url) == ""


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://csms.example/", "wss://"),
        ("csms.example", "wss://"),
        ("wss://", "wss://"),
        ("wss://{station}/", "wss://"),
        ("wss://csms.example/{cp}", "{station}"),
        ("wss://csms.example/a b", "printable"),
        ("wss://csms.example/\r\nX: y", "printable"),
        ("", "printable"),
        ("wss://csms.example/" + "x" * MAX_URL, "at most"),
        ("wss://[::1/", "valid URL"),
        ("wss://csms.example:99999/", "valid URL"),
        ("wss://csms.example:0/", "port"),
        ("wss://csms.example:/", "port"),
        ("wss://user:secret@csms.example/", "password"),
        ("wss://csms.example/#x", "fragment"),
    ],
)
def test_what_is_no_address_of_a_back_end(url: str, fault: str) -> None:
    assert fault in upstream_fault(url)


def test_the_parts_of_an_address() -> None:
    assert is_secure("wss://csms.example/") and not is_secure("ws://csms.example/")
    assert host_of("wss://[::1]:9/{station}") == "::1"
    assert host_of("wss://") == ""
