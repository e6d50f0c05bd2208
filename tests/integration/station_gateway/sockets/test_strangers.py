"""Strangers who guess passwords pay for it themselves: a station that knows its own gets in."""

import asyncio
import threading
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from websockets.datastructures import Headers

from fleet import station_secrets, stations
from fleet.keys import Passwords, load_passwords
from station_gateway.sockets.handshake import Admitted
from station_gateway.sockets.opening import OpeningRequest, Refused
from tests.support.benches.gateway_bench import PASSWORD, TENANT, Bench, now
from tests.support.stations.scripted_station import basic

BALANCER = "192.0.2.1"
GUESS = "guess-guess-guess"


def opening(station: str, password: str, address: str = BALANCER) -> OpeningRequest:
    headers = Headers({"Sec-WebSocket-Protocol": "ocpp1.6", **basic(station, password)})
    return OpeningRequest(f"/ocpp/{station}", headers, address, tls=False)


async def attempt(bench: Bench, request: OpeningRequest) -> Admitted | Refused:
    try:
        return await bench.gateway.handshake_judge.judge(request)
    except Refused as refused:
        return refused


async def guesses(bench: Bench, names: list[str]) -> list[Admitted | Refused]:
    return await asyncio.gather(*(attempt(bench, opening(name, GUESS)) for name in names))


async def register_chosen(bench: Bench, names: list[str]) -> None:
    """Register stations with one password that a person chose."""
    stored = bench.passwords.hash_chosen(PASSWORD)
    async with bench.db.write() as tx:
        for name in names:
            await stations.create(
                tx,
                id=name,
                tenant=TENANT,
                location="",
                security_profile=1,
                password_hash=stored,
                now=now(),
            )


async def restart_process(bench: Bench, **changed: float) -> None:
    """Restart the gateway as a new process would start: nothing but the database is known."""
    bench.passwords = await load_passwords(bench.db)
    await bench.restart(**changed)


async def test_strangers_lock_no_station_out_of_a_shared_address_after_a_restart(
    bench: Bench,
) -> None:
    await bench.register("MADE")
    await register_chosen(bench, ["CHOSEN"])
    for name in ("MADE", "CHOSEN"):
        assert isinstance(await attempt(bench, opening(name, PASSWORD)), Admitted)
    await restart_process(bench)
    await guesses(bench, [f"NOBODY-{number}" for number in range(120)])
    (one_more,) = await guesses(bench, ["NOBODY"])
    assert isinstance(one_more, Refused)
    assert one_more.reason == "too_many_failures_of_address"
    for name in ("MADE", "CHOSEN"):
        assert isinstance(await attempt(bench, opening(name, PASSWORD)), Admitted)


async def test_strangers_who_guess_at_one_station_do_not_lock_it_out(bench: Bench) -> None:
    await register_chosen(bench, ["CHOSEN"])
    assert isinstance(await attempt(bench, opening("CHOSEN", PASSWORD)), Admitted)
    await restart_process(bench)
    told = await guesses(bench, ["CHOSEN"] * 6)
    assert [each.reason for each in told if isinstance(each, Refused)] == [
        *["wrong_credentials"] * 5,
        "too_many_failures",
    ]
    assert isinstance(await attempt(bench, opening("CHOSEN", PASSWORD)), Admitted)


async def test_a_station_that_never_connected_is_not_refused_for_others_at_its_address(
    bench: Bench,
) -> None:
    await register_chosen(bench, ["NEW"])
    await guesses(bench, [f"NOBODY-{number}" for number in range(120)])
    assert isinstance(await attempt(bench, opening("NEW", PASSWORD)), Admitted)


async def test_a_password_that_was_good_is_good_no_longer_when_the_station_is_made_anew(
    bench: Bench,
) -> None:
    await register_chosen(bench, ["S1"])
    assert isinstance(await attempt(bench, opening("S1", PASSWORD)), Admitted)
    anew = bench.passwords.hash_chosen("another-password-of-it")
    await bench.write(lambda tx: station_secrets.set_password(tx, "S1", anew, now()))
    assert isinstance(await attempt(bench, opening("S1", "another-password-of-it")), Admitted)
    refused = await attempt(bench, opening("S1", PASSWORD))
    assert isinstance(refused, Refused)
    assert refused.status is HTTPStatus.UNAUTHORIZED


@pytest.fixture
def stuck_argon2(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Lets no Argon2 end before the event is set."""
    go_on, verify = threading.Event(), Passwords._verify_argon2

    def stuck(self: Passwords, value: str, given: bytes) -> bool:
        go_on.wait(60.0)
        return verify(self, value, given)

    monkeypatch.setattr(Passwords, "_verify_argon2", stuck)
    yield go_on
    go_on.set()


async def test_250_attacked_stations_leave_the_handshakes_to_those_that_know_their_password(
    bench: Bench, request: pytest.FixtureRequest
) -> None:
    honest = [f"HONEST-{number}" for number in range(5)]
    attacked = [f"ATTACKED-{number}" for number in range(250)]
    await register_chosen(bench, [*honest, *attacked])
    for name in honest:
        assert isinstance(await attempt(bench, opening(name, PASSWORD)), Admitted)
    await restart_process(bench, password_checks=20)
    go_on: threading.Event = request.getfixturevalue("stuck_argon2")
    attack = [asyncio.create_task(attempt(bench, opening(name, GUESS))) for name in attacked]
    async with asyncio.timeout(20):
        for name in honest:
            assert isinstance(await attempt(bench, opening(name, PASSWORD)), Admitted)
        while len([each for each in attack if each.done()]) < 250 - 20 - 2:
            await asyncio.wait([each for each in attack if not each.done()], timeout=0.05)
    told = [each.result() for each in attack if each.done()]
    assert {each.reason for each in told if isinstance(each, Refused)} == {"too_many_passwords"}
    assert all(isinstance(each, Refused) and each.retry_after_s > 0 for each in told)
    go_on.set()
    told = await asyncio.gather(*attack)
    assert not any(isinstance(each, Admitted) for each in told)
