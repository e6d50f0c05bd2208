"""Stations that refuse, or report an error, and act all the same; and signs against "nothing".

The station's own record (`RawStation.requests`) judges what it was asked to undo.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import pytest
from evcommand.v1 import command_options_pb2
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from tests.e2e.field.crowd import calling, repeated
from tests.e2e.field.raw_station import Payload, RawStation, RefusedCall, event, raw_station
from tests.e2e.field.starting import DELAYS_MS, VERSIONS, FieldSession, start
from tests.e2e.foreign_system import System

pytestmark = pytest.mark.e2e

Outcome = command_pb.Outcome
REJECTED: Payload = {"status": "Rejected"}
ERRORS = ("InternalError", "GenericError")


@pytest.fixture
def system(impatient: System) -> System:
    """It waits for seconds: a negative would be told within this test."""
    return impatient


def start_action(subprotocol: str) -> str:
    return "RemoteStartTransaction" if subprotocol == "ocpp1.6" else "RequestStartTransaction"


def stop_action(subprotocol: str) -> str:
    return "RemoteStopTransaction" if subprotocol == "ocpp1.6" else "RequestStopTransaction"


async def begins_after(
    system: System, subprotocol: str, code: str, delay_ms: int
) -> tuple[command_pb.Outcome, RawStation]:
    """A start that is answered with an error or a no; the session begins after the delay."""
    identity = f"{code}-{subprotocol}-{delay_ms}"
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        asked: list[Payload] = []

        def answer(request: Payload) -> Payload:
            asked.append(request)
            if code == "Rejected":
                return REJECTED
            raise RefusedCall(code, "out of order")

        answered = station.answers(start_action(subprotocol), answer)
        told_to_stop = station.answers(stop_action(subprotocol), lambda _: {"status": "Accepted"})
        starting = calling(lambda: start(system, identity))
        await answered.wait()
        await asyncio.sleep(delay_ms / 1000)  # of the network between the two messages
        session = FieldSession(subprotocol, identity, asked[0].get("remoteStartId"))
        await session.begins(station)
        command = await starting
        if command.outcome.code != Outcome.CODE_SUCCEEDED:
            async with asyncio.timeout(20):
                await told_to_stop.wait()
        return command.outcome, station


async def test_an_error_is_no_refusal_and_the_session_that_begins_is_told(system: System) -> None:
    cases = [(v, code, ms) for v in VERSIONS for code in ERRORS for ms in DELAYS_MS]
    ended = await asyncio.gather(*(begins_after(system, *case) for case in cases))
    causes = {case: told.cause for case, (told, _) in zip(cases, ended, strict=True)}
    assert causes == dict.fromkeys(cases, "SESSION_STARTED")


async def test_a_session_that_begins_after_a_refusal_is_stopped_or_told(system: System) -> None:
    cases = [(v, "Rejected", ms) for v in VERSIONS for ms in DELAYS_MS]
    ended = await asyncio.gather(*(begins_after(system, *case) for case in cases))
    for case, (told, station) in zip(cases, ended, strict=True):
        stopped = [action for action, _ in station.requests if action == stop_action(case[0])]
        if told.code == Outcome.CODE_SUCCEEDED:
            assert not stopped, case  # it was told as started, so it is somebody's
        else:
            assert told.code == Outcome.CODE_REJECTED, case
            assert stopped, case


async def begins_before(system: System, subprotocol: str, delay_ms: int) -> command_pb.Outcome:
    """The session begins, and only then the station says no."""
    identity = f"before-{subprotocol}-{delay_ms}"
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:

        async def answer(request: Payload) -> Payload:
            await FieldSession(subprotocol, identity, request.get("remoteStartId")).begins(station)
            await asyncio.sleep(delay_ms / 1000)  # of the station, before its answer
            return REJECTED

        station.answers_later(start_action(subprotocol), answer)
        command = await calling(lambda: start(system, identity))
        return command.outcome


async def test_a_session_that_began_before_the_refusal_is_told(system: System) -> None:
    cases = [(v, ms) for v in VERSIONS for ms in DELAYS_MS]
    ended = await asyncio.gather(*(begins_before(system, *case) for case in cases))
    causes = {case: told.cause for case, told in zip(cases, ended, strict=True)}
    assert causes == dict.fromkeys(cases, "SESSION_STARTED")


async def test_a_session_is_told_although_the_answer_is_lost(system: System) -> None:
    """It is told when it is reported, not when the answer's time is over (30 s)."""

    async def unanswered(subprotocol: str) -> tuple[str, float]:
        identity = f"silent-{subprotocol}"
        async with raw_station(system.ocpp_url, identity, subprotocol) as station:
            asked, never = asyncio.Event(), asyncio.Event()
            number: list[int | None] = []

            async def keep_silent(request: Payload) -> Payload:
                number.append(request.get("remoteStartId"))
                asked.set()
                await never.wait()
                return {}

            station.answers_later(start_action(subprotocol), keep_silent)
            clock = asyncio.get_running_loop().time
            starting = calling(lambda: start(system, identity))
            await asked.wait()
            await asyncio.sleep(0.2)  # the session is reported so much later
            await FieldSession(subprotocol, identity, number[0]).begins(station)
            reported = clock()
            return (await starting).outcome.cause, clock() - reported

    ended = await asyncio.gather(*(unanswered(version) for version in VERSIONS))
    assert [cause for cause, _ in ended] == ["SESSION_STARTED"] * 3
    assert max(took_s for _, took_s in ended) < 5


async def test_a_place_that_is_shown_as_charging_forbids_to_say_that_nothing_happened(
    system: System,
) -> None:
    async with raw_station(system.ocpp_url, "charges-untold", "ocpp1.6") as station:
        answered = station.answers("RemoteStartTransaction", lambda _: {"status": "Accepted"})
        starting = calling(lambda: start(system, "charges-untold"))
        await answered.wait()
        for status in ("Preparing", "Charging"):
            told = {"connectorId": 1, "errorCode": "NoError", "status": status}
            await station.call("StatusNotification", told)
        outcome = (await starting).outcome
    assert (outcome.code, outcome.cause) == (Outcome.CODE_UNKNOWN, "START_NOT_EXCLUDED")
    assert "shown as in use" in outcome.message


@pytest.mark.parametrize("subprotocol", VERSIONS[1:])
async def test_a_session_that_ended_by_a_reset_forbids_to_say_that_nothing_restarted(
    system: System, subprotocol: str
) -> None:
    identity = f"resets-{subprotocol}"
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        running = {"transactionId": f"T-{identity}", "chargingState": "Charging"}
        await station.call("TransactionEvent", event("Started", 0, "Authorized", running))
        answered = station.answers("Reset", lambda _: {"status": "Accepted"})
        resetting = calling(lambda: reset(system, identity))
        await answered.wait()
        ended = {"transactionId": f"T-{identity}", "stoppedReason": "ImmediateReset"}
        await station.call("TransactionEvent", event("Ended", 1, "ResetCommand", ended))
        booted = {"reason": "PowerUp", "chargingStation": {"model": "b", "vendorName": "s"}}
        await station.call("BootNotification", booted)
        outcome = (await resetting).outcome
    assert (outcome.code, outcome.cause) == (Outcome.CODE_UNKNOWN, "RESTART_NOT_CONFIRMED")
    assert "ended because of a reset" in outcome.message


def reset(system: System, identity: str) -> command_pb.RemoteCommand:
    request = pb.ResetRequest(
        station=f"stations/{identity}",
        mode=command_pb.RESET_MODE_HARD,
        request_id=str(uuid.uuid4()),
        options=command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_OUTCOME),
    )
    return repeated(lambda: system.broker.commands.Reset(request, timeout=60).command)


Act = Callable[[RawStation], Awaitable[object]]


async def refuses_and_acts(
    station: RawStation, action: str, code: str, act: Act, delay_ms: int
) -> None:
    """From now on it says no to such a request, and does what was asked after the delay."""

    def refuse(_: Payload) -> Payload:
        if code in {"Rejected", "UnlockFailed"}:
            return {"status": code}
        raise RefusedCall(code, "not today")

    answered = station.answers(action, refuse)
    await answered.wait()
    await asyncio.sleep(delay_ms / 1000)  # of the network between the two messages
    await act(station)


async def stop_that_is_refused(
    system: System, subprotocol: str, code: str, delay_ms: int
) -> command_pb.Outcome:
    identity = f"stop-{code}-{subprotocol}-{delay_ms}"
    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        session = FieldSession(subprotocol, identity)
        await session.begins(station)

        async def meters_and_ends(station: RawStation) -> None:
            await session.meters(station)
            await asyncio.sleep((delay_ms - metered_ms) / 1000)  # of the station, before the end
            await session.ends(station)

        metered_ms = min(delay_ms, 2_000)
        stopping = calling(lambda: stop(system, identity))
        action = stop_action(subprotocol)
        await refuses_and_acts(station, action, code, meters_and_ends, metered_ms)
        return (await stopping).outcome


async def reset_that_is_refused(
    system: System, subprotocol: str, code: str, delay_ms: int
) -> command_pb.Outcome:
    identity = f"reset-{code}-{subprotocol}-{delay_ms}"

    async def cut(station: RawStation) -> None:
        await station.close()

    async with raw_station(system.ocpp_url, identity, subprotocol) as station:
        resetting = calling(lambda: reset(system, identity))
        await refuses_and_acts(station, "Reset", code, cut, delay_ms)
    async with raw_station(system.ocpp_url, identity, subprotocol):
        return (await resetting).outcome


NOS = ("Rejected", "NotSupported", "NotImplemented", "InternalError")
"""What a station says that does it all the same."""

REFUSED = [
    (version, NOS[(first + later) % len(NOS)], delay_ms)
    for first, version in enumerate(VERSIONS)
    for later, delay_ms in enumerate(DELAYS_MS)
]
"""Each version and each delay, with the nos in turn."""

SLOW_STOPS = [
    (version, code, delay_ms)
    for version in VERSIONS
    for code, delay_ms in (("Rejected", 6_000), ("InternalError", 9_000))
]
"""A stop may take longer: the contactor opens and the meter is read before the session ends."""


async def test_a_session_that_ends_after_its_stop_was_refused_is_told_as_stopped(
    system: System,
) -> None:
    cases = [*REFUSED, *SLOW_STOPS]
    ended = await asyncio.gather(*(stop_that_is_refused(system, *case) for case in cases))
    codes = {case: told.code for case, told in zip(cases, ended, strict=True)}
    assert codes == dict.fromkeys(cases, Outcome.CODE_SUCCEEDED)


async def test_a_station_that_restarts_after_it_refused_to_is_told_as_restarted(
    system: System,
) -> None:
    ended = await asyncio.gather(*(reset_that_is_refused(system, *case) for case in REFUSED))
    causes = {case: told.cause for case, told in zip(REFUSED, ended, strict=True)}
    assert causes == dict.fromkeys(REFUSED, "STATION_RESTARTED")


def stop(system: System, identity: str) -> command_pb.RemoteCommand:
    request = pb.StopSessionRequest(
        station=f"stations/{identity}",
        evse_id=1,
        request_id=str(uuid.uuid4()),
        options=command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_OUTCOME),
    )
    return repeated(lambda: system.broker.commands.StopSession(request, timeout=60).command)
