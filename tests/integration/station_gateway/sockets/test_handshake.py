"""Who may open a socket, decided in the HTTP upgrade before anything else exists."""

import asyncio
import base64
import time

import pytest
from websockets.asyncio.client import connect
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from fleet import station_secrets, stations
from station_gateway.settings import GatewaySettings, UnsafeStationListener
from station_gateway.sockets.opening import OpeningRequest, Refused
from tests.support.benches.gateway_bench import PASSWORD, Bench, now
from tests.support.fleet_rows import NOW
from tests.support.stations.scripted_station import basic, connected, eventually


async def refused(url: str, password: str = "", *, user: str = "") -> tuple[int, dict[str, str]]:
    """Status and headers of a refused handshake."""
    with pytest.raises(InvalidStatus) as caught:
        async with connected(url, password, user=user):
            raise AssertionError("admitted")
    response = caught.value.response
    return response.status_code, dict(response.headers.raw_items())


async def test_wrong_password_and_unknown_station_are_refused_alike(bench: Bench) -> None:
    await bench.register("S1")
    begin = time.monotonic()
    wrong = await refused(bench.url("S1"), "wrong-password-of-somebody")
    between = time.monotonic()
    unknown = await refused(bench.url("NOBODY"), "wrong-password-of-somebody")
    assert wrong[0] == unknown[0] == 401
    assert without_date(wrong[1]) == without_date(unknown[1])
    assert abs((time.monotonic() - between) - (between - begin)) < 0.1


def without_date(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "Date"}


async def test_no_password_is_a_wrong_password(bench: Bench) -> None:
    await bench.register("S1")
    assert (await refused(bench.url("S1")))[0] == 401


async def test_the_user_must_be_the_station_of_the_url(bench: Bench) -> None:
    await bench.register("S1")
    await bench.register("S2")
    assert (await refused(bench.url("S1"), PASSWORD, user="S2"))[0] == 401


async def test_an_unregistered_station_is_refused_without_open(bench: Bench) -> None:
    assert (await refused(bench.url("NOBODY"), PASSWORD))[0] == 401
    assert len(bench.gateway.registry) == 0


async def test_open_admits_an_unregistered_station_and_its_unknown_tokens(bench: Bench) -> None:
    await bench.restart(open=True)
    async with connected(bench.url("NEW")) as station:
        await station.boot()
        assert await station.call("Authorize", {"idTag": "ANY"}) == {
            "idTagInfo": {"status": "Accepted"}
        }
    async with bench.db.read() as tx:
        known = await stations.get(tx, "NEW")
    assert known is not None
    assert (known.registered, known.tenant) == (False, "default")


async def test_open_still_asks_a_registered_station_for_its_password(bench: Bench) -> None:
    await bench.restart(open=True)
    await bench.register("S1")
    assert (await refused(bench.url("S1"), "wrong-password-of-somebody"))[0] == 401


async def test_the_id_in_the_url_may_be_escaped(bench: Bench) -> None:
    await bench.register("Köln 1/2")
    escaped = bench.url("K%C3%B6ln%201%2F2")
    async with connected(escaped, PASSWORD, user="Köln 1/2") as station:
        await station.boot()
        assert bench.gateway.registry.get("Köln 1/2") is not None


@pytest.mark.parametrize(
    "path", ["/", "/ocpp/", "/other/S1", "/ocpp/a/b", "/ocpp/%00", "/ocpp/%ff"]
)
async def test_other_paths_do_not_exist(bench: Bench, path: str) -> None:
    url = f"ws://{bench.gateway.address}{path}"
    assert (await refused(url, PASSWORD, user="S1"))[0] == 404


@pytest.mark.parametrize(
    "target",
    ["/ocpp/S1", "/ocpp//S1", "//ocpp/S1", "/ocpp/S1/", "http://csms.example/ocpp/S1"],
)
async def test_a_bare_socket_is_admitted_with_every_form_of_its_address(
    bench: Bench, target: str
) -> None:
    await bench.register("S1")
    basic = base64.b64encode(f"S1:{PASSWORD}".encode()).decode()
    lines = [
        f"GET {target} HTTP/1.1",
        "Host: csms.example",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: ocpp1.6",
        f"Authorization: Basic {basic}",
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.gateway.port)
    writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 101 ")
    writer.close()


async def test_without_a_common_subprotocol_the_socket_is_closed_at_once(bench: Bench) -> None:
    await bench.register("S1")
    socket = await connect(
        bench.url("S1"), additional_headers=basic("S1", PASSWORD), compression=None
    )
    with pytest.raises(ConnectionClosedError):
        await socket.recv()
    assert (socket.close_code, socket.subprotocol) == (1002, None)


async def test_the_newest_common_version_is_spoken(bench: Bench) -> None:
    await bench.register("S1")
    socket = await connect(
        bench.url("S1"),
        subprotocols=["ocpp1.6", "ocpp2.1", "ocpp2.0.1"],  # type: ignore[list-item]
        additional_headers=basic("S1", PASSWORD),
    )
    assert socket.subprotocol == "ocpp2.1"
    await socket.close()


async def test_attempts_are_limited_and_the_incumbent_stays(bench: Bench) -> None:
    async with bench.station("S1") as incumbent:
        for _ in range(5):
            assert (await refused(bench.url("S1"), "guess-guess-guess"))[0] == 401
        status, headers = await refused(bench.url("S1"), "guess-guess-guess")
        assert (status, int(headers["Retry-After"]) > 0) == (429, True)
        assert await incumbent.call("Heartbeat", {})


async def test_guesses_from_elsewhere_do_not_lock_out_the_station_itself(bench: Bench) -> None:
    async with bench.station("S1"):
        pass
    for _ in range(6):
        with pytest.raises(Refused):
            await bench.gateway.handshake_judge.judge(guess("203.0.113.9"))
    async with bench.station("S1") as station:
        assert await station.call("Heartbeat", {})


def guess(address: str) -> OpeningRequest:
    headers = Headers({"Sec-WebSocket-Protocol": "ocpp1.6", **basic("S1", "guess-guess-guess")})
    return OpeningRequest("/ocpp/S1", headers, address, tls=False)


async def test_too_many_reconnects_are_kept_out_for_a_while(bench: Bench) -> None:
    await bench.restart(reconnects_per_hour=3)
    for _ in range(3):
        async with bench.station("S1", boot=False):
            pass
    status, headers = await refused(bench.url("S1"), PASSWORD)
    assert (status, int(headers["Retry-After"]) > 60) == (429, True)


async def test_slow_handshakes_are_cut(bench: Bench) -> None:
    await bench.restart(handshake_timeout_s=0.3)
    reader, writer = await half_open(bench)
    assert await asyncio.wait_for(reader.read(), 2) == b""
    writer.close()


async def half_open(bench: Bench) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.gateway.port)
    writer.write(b"GET /ocpp/S1 HTTP/1.1\r\nHost: x\r\n")
    return reader, writer


async def test_a_crowd_of_half_open_handshakes_does_not_keep_a_station_out(bench: Bench) -> None:
    await bench.restart(max_pending_handshakes=20, slow_handshake_s=0.05)
    crowd = [await half_open(bench) for _ in range(20)]
    await eventually(lambda: bench.pending_handshakes() >= 20)
    await asyncio.wait({asyncio.create_task(crowd[0][0].read(1))}, timeout=0.1)
    async with bench.station("S1") as station:
        assert await station.call("Heartbeat", {})
    for _, writer in crowd:
        writer.close()


async def test_beyond_the_pending_handshakes_503_says_when_to_come_back(bench: Bench) -> None:
    await bench.restart(max_pending_handshakes=3, slow_handshake_s=60)
    crowd = [await half_open(bench) for _ in range(3)]
    await eventually(lambda: bench.pending_handshakes() == 3)
    await bench.register("S1")
    status, headers = await refused(bench.url("S1"), PASSWORD)
    assert (status, headers["Retry-After"]) == (503, "5")
    for _, writer in crowd:
        writer.close()


async def test_an_endless_request_is_cut(bench: Bench) -> None:
    reader, writer = await half_open(bench)
    for _ in range(8):
        writer.write(b"X-Filler: " + b"x" * 4000 + b"\r\n")
    with pytest.raises(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 2) == b""
        raise ConnectionResetError  # a clean end is as good as a reset
    writer.close()


async def test_both_passwords_are_good_until_the_new_one_was_used(bench: Bench) -> None:
    await bench.register("S1", "the-old-password")
    hashed = bench.passwords.hash_generated("the-new-password")
    await bench.write(lambda tx: station_secrets.set_password(tx, "S1", hashed, now()))
    for password in ("the-old-password", "the-new-password"):
        async with connected(bench.url("S1"), password) as station:
            await station.boot()
    assert (await refused(bench.url("S1"), "the-old-password"))[0] == 401


async def test_a_station_pinned_to_tls_is_refused_without_it(bench: Bench) -> None:
    await bench.register("S1")
    await bench.write(lambda tx: stations.update(tx, "S1", now=NOW, security_profile=2))
    assert (await refused(bench.url("S1"), PASSWORD))[0] == 403


@pytest.mark.parametrize(
    "settings",
    [
        GatewaySettings(host="0.0.0.0"),
        GatewaySettings(host=""),
        GatewaySettings(host="192.0.2.1", tls_terminated=True, open=True),
    ],
)
def test_beyond_loopback_it_refuses_to_start_without_tls_and_credentials(
    settings: GatewaySettings,
) -> None:
    with pytest.raises(UnsafeStationListener):
        settings.check()


def test_insecure_is_said_or_loopback_is_used() -> None:
    GatewaySettings(host="0.0.0.0", insecure=True, open=True).check()
    GatewaySettings(host="::1", open=True).check()
    GatewaySettings(host="0.0.0.0", tls_terminated=True).check()
