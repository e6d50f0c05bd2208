"""Stations as they are: keys as bytes, spaces in identities, words that nobody speaks.

Everything is sent over bare sockets, and judged by the status line and by the log.
"""

import asyncio
import base64
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from fleet import stations
from station_gateway.sockets.refusals import LINES_AT_ONCE_PER_ADDRESS
from tests.support.benches.gateway_bench import PASSWORD, TENANT, Bench, now
from tests.support.stations.scripted_station import eventually

EXAMPLE_KEY = "0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF"  # of the standard, for AL1000
SECRET = "a-secret-of-the-test"


def upgrade(target: str, user: bytes, password: bytes, *, offer: str = "ocpp1.6") -> bytes:
    """An opening request as a station writes it."""
    lines = [
        f"GET {target} HTTP/1.1",
        "Host: csms.example",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *([f"Sec-WebSocket-Protocol: {offer}"] if offer else []),
        f"Authorization: Basic {base64.b64encode(user + b':' + password).decode()}",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


async def status(bench: Bench, request: bytes) -> int:
    """The HTTP status that a request is answered with; 0 when it is not answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.gateway.port)
    writer.write(request)
    line = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    return int(line.split()[1]) if line else 0


async def choose(bench: Bench, station: str, password: str, profile: int = 1) -> None:
    """Register a station with a password that an operator chose."""
    async with bench.db.write() as tx:
        await stations.create(
            tx,
            id=station,
            tenant=TENANT,
            location="",
            security_profile=profile,
            password_hash=bench.passwords.hash_chosen(password),
            now=now(),
        )


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (EXAMPLE_KEY.encode(), 101),
        (EXAMPLE_KEY.lower().encode(), 101),
        (bytes.fromhex(EXAMPLE_KEY), 101),
        (bytes.fromhex(EXAMPLE_KEY)[:-1], 401),
        (bytes.fromhex(EXAMPLE_KEY).replace(b"\xff", b"\xfe"), 401),
        (EXAMPLE_KEY[:-2].encode(), 401),
    ],
)
async def test_the_standards_own_authorization_key_is_good_as_digits_and_as_bytes(
    bench: Bench, sent: bytes, answer: int
) -> None:
    await choose(bench, "AL1000", EXAMPLE_KEY)
    assert await status(bench, upgrade("/ocpp/AL1000", b"AL1000", sent)) == answer


async def test_a_key_may_hold_colons_and_zeros(bench: Bench) -> None:
    key = "3a00" * 10
    await choose(bench, "S1", key)
    assert await status(bench, upgrade("/ocpp/S1", b"S1", bytes.fromhex(key))) == 101


@pytest.mark.parametrize("identity", ["RDAM 123", "Köln 1/2", "100%", "00:1B:44", "a+b", "電車"])
async def test_every_spelling_of_an_identity_finds_its_station(bench: Bench, identity: str) -> None:
    await bench.register(identity)
    user, password = identity.encode(), PASSWORD.encode()
    escaped = quote(identity, safe="")
    for target in (escaped, quote_plus(identity), quote(escaped, safe=""), f"/{escaped}/"):
        assert await status(bench, upgrade(f"/ocpp/{target}", user, password)) == 101, target
        as_written = target.strip("/").encode()
        assert await status(bench, upgrade(f"/ocpp/{target}", as_written, password)) == 101, target
    assert await status(bench, upgrade(f"/ocpp/{escaped}", b"OTHER", password)) == 401


async def test_of_two_stations_with_one_spelling_the_password_tells_which_is_meant(
    bench: Bench,
) -> None:
    await bench.register("A B", "password-of-a-space")
    await bench.register("A+B", "password-of-a-plus-")
    assert await status(bench, upgrade("/ocpp/A+B", b"A+B", b"password-of-a-plus-")) == 101
    assert await status(bench, upgrade("/ocpp/A+B", b"A+B", b"password-of-a-space")) == 101
    assert await status(bench, upgrade("/ocpp/A+B", b"A+B", b"password-of-nobody-")) == 401
    assert await status(bench, upgrade("/ocpp/A%20B", b"A B", b"password-of-a-space")) == 101


async def test_other_spellings_give_no_further_guesses(bench: Bench) -> None:
    await bench.register("A B")
    for _ in range(bench.gateway.settings.station_failures):
        assert await status(bench, upgrade("/ocpp/A+B", b"A+B", b"wrong")) == 401
    for target in ("A+B", "A%20B", "A%2520B"):
        assert await status(bench, upgrade(f"/ocpp/{target}", b"A B", b"wrong")) == 429


def counted(reason: str) -> float:
    name, labels = "evcommand_refused_handshakes_total", {"reason": reason}
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def line_of(bench: Bench, request: bytes, answer: int) -> dict[str, Any]:
    """The one line that a refused handshake leaves in the log."""
    with capture_logs() as lines:
        assert await status(bench, request) == answer
        await eventually(lambda: any(line["event"] == "handshake_refused" for line in lines))
    told = [line for line in lines if line["event"] == "handshake_refused"]
    assert len(told) == 1, lines
    assert told[0]["log_level"] == "warning"
    assert SECRET not in str(lines)
    assert base64.b64encode(f"S1:{SECRET}".encode()).decode() not in str(lines)
    return dict(told[0])


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        ("", "no_subprotocol"),
        ("OCPP1.6", "misspelt_subprotocol"),
        ("ocpp1.5, Ocpp2.0.1", "misspelt_subprotocol"),
        ("ocpp1.5", "unsupported_ocpp_version"),
        ("ocpp2.0, ocpp1.2", "unsupported_ocpp_version"),
        ("ocpp9.9", "unsupported_ocpp_version"),
        ("mqtt, chat", "no_common_subprotocol"),
    ],
)
async def test_a_station_without_a_common_version_leaves_one_line_with_the_remedy(
    bench: Bench, offer: str, reason: str
) -> None:
    await bench.register("S1", SECRET)
    before = counted(reason)
    request = upgrade("/ocpp/S1?token=x", b"S1", SECRET.encode(), offer=offer)
    line = await line_of(bench, request, 101)
    assert (line["reason"], line["station"], line["path"]) == (reason, "S1", "/ocpp/S1")
    assert line["offered"] == [name.strip() for name in offer.split(",") if name]
    assert "ocpp1.6" in line["ours"]
    assert line["remedy"]
    assert counted(reason) - before == 1


def good(**changes: str) -> bytes:
    return upgrade("/ocpp/S1", b"S1", SECRET.encode(), **changes)


REFUSED = {
    "wrong_credentials": (upgrade("/ocpp/S1", b"S1", b"wrong-password"), 401),
    "tls_required": (upgrade("/ocpp/S2", b"S2", SECRET.encode()), 403),
    "unknown_path": (upgrade("/OCPP/S1?key=" + SECRET, b"S1", b""), 404),
    "bad_subprotocol": (good(offer="ocpp 1.6"), 400),
    "bad_upgrade": (good().replace(b": 13", b": 8"), 400),
    "bad_upgrade ": (good().replace(b"Connection: Upgrade", b"Connection: close"), 426),
    "bad_request": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 0),
    "bad_request ": (upgrade("/ocpp/RDAM 123", b"S1", SECRET.encode()), 0),
}


@pytest.mark.parametrize("reason", REFUSED)
async def test_every_refused_handshake_leaves_one_line_with_its_reason(
    bench: Bench, reason: str
) -> None:
    await bench.register("S1", SECRET)
    await choose(bench, "S2", SECRET, profile=2)
    line = await line_of(bench, *REFUSED[reason])
    assert line["reason"] == reason.strip()
    assert line["address"] == "127.0.0.1"
    assert line["remedy"]


async def test_a_flood_of_refusals_leaves_few_lines_and_their_number(bench: Bench) -> None:
    many = LINES_AT_ONCE_PER_ADDRESS + 10
    before = counted("unknown_path")
    with capture_logs() as lines:
        for _ in range(many):
            assert await status(bench, upgrade("/nowhere/" + "x" * 900, b"", b"")) == 404
    told = [line for line in lines if line["event"] == "handshake_refused"]
    assert 0 < len(told) <= LINES_AT_ONCE_PER_ADDRESS + 1
    assert all(len(line["path"]) <= 255 for line in told)
    assert counted("unknown_path") - before == many


async def test_a_probe_that_sends_nothing_leaves_no_line(bench: Bench) -> None:
    with capture_logs() as lines:
        _, writer = await asyncio.open_connection("127.0.0.1", bench.gateway.port)
        writer.close()
        await writer.wait_closed()
        assert await status(bench, upgrade("/nowhere", b"", b"")) == 404
    told = [line for line in lines if line["event"] == "handshake_refused"]
    assert [line["reason"] for line in told] == ["unknown_path"]
