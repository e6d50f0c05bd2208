"""In the mode `command` our CALLs go between those of the back end, one at a time."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from contract.commands import SendFrameInput
from domain.evidence.sessions import Session, TokenState
from domain.model.specs import CancelReservationSpec, Kind, ResetMode, ResetSpec, UnlockSpec
from fleet import claims
from fleet.transactions.rows import Transaction
from journal.commands.answers import said_no
from journal.commands.sessions import session_of
from tests.support.benches.gateway_bench import Bench, OtherSpec, now, waiting_at
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import ScriptedStation, connected, eventually, found


@pytest.fixture
async def relay(bench: Bench, back_end: BackEnd) -> Bench:
    """The gateway, which relays every station to the back end and sends commands."""
    await bench.restart(upstream_url=back_end.url, upstream_mode="command")
    return bench


async def booted(relay: Bench, station: ScriptedStation) -> None:
    """Boot, and wait until commands may go out."""
    await station.boot()
    held = relay.gateway.registry.get("S1")
    assert held is not None
    await held.wait_booted(asyncio.get_running_loop().time() + 5)


def heard(back_end: BackEnd) -> list[Any]:
    """What the back end heard after the boot."""
    return [json.loads(frame) for frame in back_end.heard[1:]]


CALL = '[2,"theirs","ChangeAvailability",{"connectorId":0,"type":"Operative"}]'


async def test_a_command_of_ours_is_answered_to_us_alone(relay: Bench, back_end: BackEnd) -> None:
    async with connected(relay.url("S1")) as station:
        await booted(relay, station)
        sending = relay.sending(await relay.start_request())
        assert (await station.accept("RemoteStartTransaction"))["idTag"] == "TAG1"
        result = await sending
        await station.call("Heartbeat", {})
    assert result.status == "ANSWERED"
    assert [frame[2] for frame in heard(back_end)] == ["Heartbeat"]


async def test_a_call_of_the_back_end_waits_for_the_answer_to_ours(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        await booted(relay, station)
        sending = relay.sending(await relay.start_request())
        ours, _ = await station.called("RemoteStartTransaction")
        await back_end.say(CALL, '[3,"of-theirs",{}]')
        await eventually(lambda: [3, "of-theirs", {}] in station.frames)
        assert station.calls.empty()
        await station.answer(ours, {"status": "Accepted"})
        theirs, _ = await station.called("ChangeAvailability")
        await station.answer(theirs, {"status": "Accepted"})
        assert (await sending).status == "ANSWERED"
        await eventually(lambda: heard(back_end) == [[3, "theirs", {"status": "Accepted"}]])


async def test_a_command_of_ours_waits_for_the_answer_to_the_back_end(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        await booted(relay, station)
        await back_end.say(CALL)
        theirs, _ = await station.called("ChangeAvailability")
        sending = relay.sending(await relay.start_request())
        await eventually(lambda: waiting_at(relay, "S1") == 2)
        assert station.calls.empty()
        await station.answer(theirs, {"status": "Accepted"})
        await station.accept("RemoteStartTransaction")
        assert (await sending).status == "ANSWERED"


async def test_a_silent_station_keeps_nobody_waiting_for_ever(
    relay: Bench, back_end: BackEnd
) -> None:
    await relay.restart(upstream_turn_s=0.05)
    async with connected(relay.url("S1")) as station:
        await booted(relay, station)
        await back_end.say(CALL, CALL.replace("theirs", "second"))
        assert (await station.called("ChangeAvailability"))[0] == "theirs"
        assert (await station.called("ChangeAvailability"))[0] == "second"
        await station.answer("theirs", {"status": "late"})
        await eventually(lambda: heard(back_end) == [[3, "theirs", {"status": "late"}]])


async def test_a_silent_station_keeps_the_back_end_waiting_for_us_no_longer_than_the_hold(
    relay: Bench, back_end: BackEnd
) -> None:
    await relay.restart(upstream_hold_s=0.2)
    async with connected(relay.url("S1")) as station:
        await booted(relay, station)
        sending = relay.sending(await relay.start_request())
        ours, _ = await station.called("RemoteStartTransaction")
        await back_end.say(CALL)
        await station.accept("ChangeAvailability")
        assert ((await sending).status, (await sending).cause) == ("NO_ANSWER", "ANSWER_TIMEOUT")
        await station.answer(ours, {"status": "Accepted"})  # late, and to us alone
        await station.call("Heartbeat", {})
    assert [frame[0] for frame in heard(back_end)] == [3, 2]


async def test_a_call_of_the_back_end_does_not_cut_the_answer_that_a_drain_waits_for(
    relay: Bench, back_end: BackEnd
) -> None:
    await relay.restart(drain_timeout_s=30.0)
    async with connected(relay.url("S1")) as station:
        await booted(relay, station)
        sending = relay.sending(await relay.start_request())
        ours, _ = await station.called("RemoteStartTransaction")
        draining = asyncio.create_task(relay.gateway.drain())
        await eventually(lambda: not relay.gateway.ready)
        await back_end.say(CALL, '[3,"of-theirs",{}]')
        await eventually(lambda: [3, "of-theirs", {}] in station.frames)
        await station.answer(ours, {"status": "Accepted"})
        assert (await sending).status == "ANSWERED"
        await draining
        assert station.calls.empty()


async def test_an_id_that_both_use_is_mapped_and_mapped_back(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        await booted(relay, station)
        sending = relay.sending(await relay.start_request())
        ours, _ = await station.called("RemoteStartTransaction")
        await station.answer(ours, {"status": "Accepted"})
        await sending
        await back_end.say(CALL.replace("theirs", ours))
        theirs, _ = await station.called("ChangeAvailability")
        assert theirs != ours
        await station.answer(theirs, {"status": "Rejected"})
        await eventually(lambda: heard(back_end) == [[3, ours, {"status": "Rejected"}]])


async def test_no_command_goes_out_while_the_back_end_holds_the_boot(
    relay: Bench, back_end: BackEnd
) -> None:
    back_end.answers["BootNotification"] = {
        "status": "Pending",
        "currentTime": "2026-01-01T00:00:00Z",
        "interval": 5,
    }
    async with connected(relay.url("S1")) as station:
        assert (await station.boot())["status"] == "Pending"
        result = await relay.sending(await relay.start_request(within_s=0.3))
        assert station.calls.empty()
    assert result.cause == "BOOT_NOT_ACCEPTED"


async def test_a_start_of_the_back_end_is_kept_as_a_rival_of_ours(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        await booted(relay, station)
        await back_end.say('[2,"theirs","RemoteStartTransaction",{"idTag":"TAG1","connectorId":1}]')
        theirs, _ = await station.called("RemoteStartTransaction")

        async def kept() -> list[claims.OpenCause]:
            async with relay.db.read() as tx:
                found, _ = await claims.open_causes(
                    tx,
                    "S1",
                    Kind.START_SESSION.value,
                    digests=(relay.sealer.digest("idTag", "TAG1"), None),
                    evse_id=1,
                    sent=(now() - timedelta(minutes=1), now()),
                )
            return found

        (rival,) = await found(kept)
        assert rival.answer is None
        await station.answer(theirs, {"status": "Rejected"})

        async def refused() -> bool:
            (same,) = await kept()
            return said_no(same.answer)

        await found(refused)


async def six_requests(relay: Bench) -> list[SendFrameInput]:
    """A command of each kind."""
    await relay.reserved(wire_id=9)
    specs: list[OtherSpec] = [UnlockSpec(1, evse_id=1), relay.reserve_spec()]
    specs += [CancelReservationSpec(9), ResetSpec(ResetMode.HARD)]
    return [
        await relay.start_request(),
        await relay.stop_request(wire_id="7"),
        *[await relay.request(spec) for spec in specs],
    ]


@pytest.mark.parametrize("subprotocol", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
async def test_each_command_goes_to_a_relayed_station_of_each_version(
    relay: Bench, back_end: BackEnd, subprotocol: str
) -> None:
    async with connected(relay.url("S1"), subprotocol=subprotocol) as station:
        await booted(relay, station)
        results = []
        for request in await six_requests(relay):
            sending = relay.sending(request)
            message_id, _, _ = await asyncio.wait_for(station.calls.get(), 5)
            await station.answer(message_id, {"status": "Rejected"})
            results.append((await sending).status)
        await station.call("Heartbeat", {})
    assert results == ["ANSWERED"] * 6
    assert [frame[2] for frame in heard(back_end)] == ["Heartbeat"]


def event(number: int, kind: str, **more: Any) -> dict[str, Any]:
    """A TransactionEvent of a session that names our start of this number."""
    return {
        "eventType": kind,
        "timestamp": "2026-01-01T00:00:00Z",
        "triggerReason": "RemoteStart",
        "transactionInfo": {
            "transactionId": "T-1",
            "chargingState": "EVConnected",
            "remoteStartId": number,
        },
        "evse": {"id": 1, "connectorId": 1},
        **more,
    }


async def test_a_session_of_ours_whose_token_comes_late_is_judged_by_the_back_end_alone(
    relay: Bench, back_end: BackEnd
) -> None:
    """That a command of ours brought the token gives it no right there."""
    async with connected(relay.url("S1"), subprotocol="ocpp2.1") as station:
        await booted(relay, station)
        request = await relay.start_request()
        sending = relay.sending(request)
        number = (await station.accept("RequestStartTransaction"))["remoteStartId"]
        await sending
        back_end.answers["TransactionEvent"] = {}
        await station.call("TransactionEvent", event(number, "Started", seqNo=0))
        begun = await found(lambda: the_session(relay))
        assert not session_of(begun).is_accepted
        back_end.answers["TransactionEvent"] = {"idTokenInfo": {"status": "Invalid"}}
        token = {"idToken": "TAG1", "type": "ISO14443"}
        await station.call("TransactionEvent", event(number, "Updated", seqNo=1, idToken=token))

        async def judged() -> Session | None:
            known = await the_session(relay)
            of = session_of(known) if known is not None else None
            return of if of is not None and of.token_state is not TokenState.NOT_TOLD else None

        assert (await found(judged)).is_refused


async def the_session(relay: Bench) -> Transaction | None:
    """The one session, as it stands now."""
    return next(iter(await relay.transactions()), None)
