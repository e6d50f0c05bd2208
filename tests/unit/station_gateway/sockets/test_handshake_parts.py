"""What is read from a request, and how little it may be trusted."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from station_gateway.sockets.opening import (
    Refused,
    credentials,
    last_part,
    negotiate,
    offered,
    station_id,
)


def headers(**values: str) -> Headers:
    return Headers({name.replace("_", "-"): value for name, value in values.items()})


@pytest.mark.parametrize(
    ("path", "station"),
    [
        ("/ocpp/S1", "S1"),
        ("/ocpp/S1?x=1", "S1"),
        ("/ocpp/a%20b", "a b"),
        ("/ocpp/a%2Fb", "a/b"),
        ("/ocpp/%C3%BC", "ü"),
        ("/ocpp/u%CC%88", "ü"),
        ("/ocpp/RDAM+123", "RDAM+123"),
        ("/ocpp//S1", "S1"),
        ("//ocpp/S1", "S1"),
        ("/ocpp/S1/", "S1"),
        ("/ocpp/S1/?x=1", "S1"),
        ("http://csms.example/ocpp/S1", "S1"),
        ("WSS://csms.example:443//ocpp/S1/", "S1"),
        ("/ocpp/http:%2F%2Fx", "http://x"),
    ],
)
def test_the_identity_is_the_last_part_of_the_path(path: str, station: str) -> None:
    assert station_id(path) == station


NO_IDENTITY = (
    *(
        "",
        "/",
        "/ocpp",
        "/ocpp/",
        "/OCPP/S1",
        "/ocpp/a/b",
        "/ocpp/%0a",
        "/ocpp/%ff",
        "/ocpp//",
        "S1",
    ),
    *("http://csms.example", "http://csms.example/S1", "ftp://x/ocpp/S1"),
)


@pytest.mark.parametrize("path", NO_IDENTITY)
def test_what_is_no_identity_is_no_path(path: str) -> None:
    with pytest.raises(Refused):
        station_id(path)


def test_an_identity_has_a_limit() -> None:
    assert station_id("/ocpp/" + "x" * 255)
    with pytest.raises(Refused):
        station_id("/ocpp/" + "x" * 256)


def test_the_newest_common_version_wins_whatever_the_order() -> None:
    assert negotiate(offered(headers(Sec_WebSocket_Protocol="ocpp1.6, ocpp2.0.1"))) == "ocpp2.0.1"
    assert negotiate(offered(headers(Sec_WebSocket_Protocol="ocpp1.5, ocpp1.6"))) == "ocpp1.6"
    every = "ocpp1.6, ocpp2.1, ocpp2.0.1"
    assert negotiate(offered(headers(Sec_WebSocket_Protocol=every))) == "ocpp2.1"
    assert negotiate(offered(headers(Sec_WebSocket_Protocol="ocpp2.1"))) == "ocpp2.1"
    assert negotiate(offered(headers(Sec_WebSocket_Protocol="ocpp2.0, ocpp3"))) is None
    assert negotiate(offered(headers())) is None


def test_a_broken_subprotocol_header_is_refused() -> None:
    with pytest.raises(Refused):
        offered(headers(Sec_WebSocket_Protocol="((("))


@pytest.mark.parametrize(
    ("sent", "users", "found"),
    [
        (b"S1:a:b", ("S1",), (True, b"a:b")),
        (b"S1:\xff\x00:\xfe", ("S1",), (True, b"\xff\x00:\xfe")),
        (b"00:1B:44:x", ("00:1B:44",), (True, b"x")),
        (b"RDAM%20123:x", ("RDAM 123", "RDAM%20123"), (True, b"x")),
        (b"S2:a:b", ("S1",), (False, b"a:b")),
        (b"S1", ("S1",), (False, b"")),
        (b"S11:x", ("S1",), (False, b"x")),
        (b":x", ("",), (True, b"x")),
    ],
)
def test_a_password_is_all_bytes_behind_the_name_of_the_station(
    sent: bytes, users: tuple[str, ...], found: tuple[bool, bytes]
) -> None:
    assert credentials(headers(Authorization=as_basic(sent)), users) == found
    assert (
        credentials(headers(Authorization=as_basic(sent).lower()[:6] + as_basic(sent)[6:]), users)
        == found
    )


def test_the_last_part_of_a_path_is_still_escaped() -> None:
    assert last_part("http://csms.example/ocpp/RDAM%20123/?token=x") == "RDAM%20123"


PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


def as_basic(raw: bytes) -> str:
    return "Basic " + base64.b64encode(raw).decode()


@pytest.mark.parametrize("value", ["", "Basic", "Basic !!!", "Bearer x"])
def test_what_is_not_basic_is_no_password(value: str) -> None:
    assert credentials(headers(Authorization=value), ("S1",)) == (False, b"")


@given(st.one_of(st.text(PRINTABLE), st.binary().map(as_basic)))
def test_no_header_raises(value: str) -> None:
    named, password = credentials(headers(Authorization=value), ("S1",))
    assert isinstance(named, bool)
    assert isinstance(password, bytes)
