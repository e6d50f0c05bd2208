"""An authorisation lasts as long as its session, not as long as the command that brought it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contract.commands import SendFrameInput
from domain.reservations.reservation import ReservationState
from fleet import sends, tokens, transactions
from fleet.engine.statements import Tx
from journal.commands.sessions import session_of
from tests.support.benches.gateway_bench import TENANT, Bench, now
from tests.support.stations.scripted_station import Payload, ScriptedStation

V2 = ["ocpp2.0.1", "ocpp2.1"]
ALL = ["ocpp1.6", *V2]
START_ACTION = {"ocpp1.6": "RemoteStartTransaction"} | dict.fromkeys(V2, "RequestStartTransaction")


class Told:
    """What one station asks about one session, in the words of its version."""

    def __init__(self, subprotocol: str, name: str = "T1", evse: int = 1) -> None:
        self.old = subprotocol == "ocpp1.6"
        self.name = name
        self.evse = evse
        self.id = 0
        self.at = datetime.now(UTC).isoformat()

    def event(
        self, kind: str, seq: int, tag: str = "", number: int | None = None, **info: Any
    ) -> Payload:
        named = {"remoteStartId": number} if number is not None else {}
        token = {"idToken": {"idToken": tag, "type": "ISO14443"}} if tag else {}
        return {
            "eventType": kind,
            "timestamp": self.at,
            "triggerReason": "RemoteStart",
            "seqNo": seq,
            "transactionInfo": {"transactionId": self.name, **named, **info},
            "evse": {"id": self.evse, "connectorId": 1},
            **token,
        }

    async def start(self, station: ScriptedStation, tag: str = "TAG1") -> str:
        """The verdict on the token of the start; the same message each time."""
        if not self.old:
            answer = await station.call("TransactionEvent", self.event("Started", 0, tag))
            return str(answer["idTokenInfo"]["status"])
        started = {"connectorId": self.evse, "idTag": tag, "meterStart": 5, "timestamp": self.at}
        answer = await station.call("StartTransaction", started)
        assert self.id in {0, answer["transactionId"]}
        self.id = answer["transactionId"]
        return str(answer["idTagInfo"]["status"])

    async def end(self, station: ScriptedStation, tag: str = "TAG1") -> str:
        """The verdict on the token that ended it."""
        if not self.old:
            answer = await station.call("TransactionEvent", self.event("Ended", 9, tag))
            return str(answer["idTokenInfo"]["status"])
        stopped = {"transactionId": self.id, "meterStop": 9, "timestamp": self.at, "idTag": tag}
        answer = await station.call("StopTransaction", stopped)
        return str(answer["idTagInfo"]["status"])

    async def authorize(self, station: ScriptedStation, tag: str = "TAG1") -> str:
        if self.old:
            answer = await station.call("Authorize", {"idTag": tag})
            return str(answer["idTagInfo"]["status"])
        answer = await station.call("Authorize", {"idToken": {"idToken": tag, "type": "ISO14443"}})
        return str(answer["idTokenInfo"]["status"])


async def start_command(
    bench: Bench, station: ScriptedStation, subprotocol: str, transaction: str = ""
) -> tuple[SendFrameInput, int]:
    """A start that the station accepted, and its remoteStartId (1.6: 0)."""
    request = await bench.start_request()
    sending = bench.sending(request)
    message_id, payload = await station.called(START_ACTION[subprotocol])
    named = {"transactionId": transaction} if transaction else {}
    await station.answer(message_id, {"status": "Accepted", **named})
    await sending
    return request, int(payload.get("remoteStartId", 0))


async def done(bench: Bench, request: SendFrameInput) -> None:
    """The command is DONE, and nobody waits for its evidence."""
    await bench.write(lambda tx: sends.close(tx, TENANT, request.command))


async def put(bench: Bench, tag: str, status: str, group: str | None = None) -> None:
    async def write(tx: Tx) -> None:
        await tokens.put(
            tx, tenant=TENANT, value=tag, type="ISO14443", status=status, group=group, now=now()
        )

    await bench.write(write)


@pytest.mark.parametrize("subprotocol", ALL)
async def test_a_start_repeated_after_its_command_is_done_gets_the_first_answer(
    bench: Bench, subprotocol: str
) -> None:
    told = Told(subprotocol)
    async with bench.station(subprotocol=subprotocol) as station:
        request, _ = await start_command(bench, station, subprotocol)
        assert await told.start(station) == "Accepted"
        await done(bench, request)
        assert await told.start(station) == "Accepted"
    async with bench.station(subprotocol=subprotocol) as station:
        assert await told.start(station) == "Accepted"
        assert await told.start(station, "tag1") == "Accepted"
    await bench.restart()
    async with bench.station(subprotocol=subprotocol) as station:
        assert await told.start(station) == "Accepted"
    assert len(await bench.transactions()) == 1


@pytest.mark.parametrize("subprotocol", ALL)
async def test_the_token_of_a_command_is_good_for_its_session_to_its_end_and_no_longer(
    bench: Bench, subprotocol: str
) -> None:
    told = Told(subprotocol)
    async with bench.station(subprotocol=subprotocol) as station:
        request, _ = await start_command(bench, station, subprotocol)
        await told.start(station)
        await done(bench, request)
        assert await told.authorize(station) == "Accepted"
        assert await told.authorize(station, "OTHER") == "Invalid"
        assert await told.end(station) == "Accepted"
        assert await told.authorize(station) == "Invalid"
        assert await told.end(station) == "Accepted"  # the repeat of what was answered so
        assert await told.start(station) == "Accepted"
        assert await Told(subprotocol, "T2").start(station) == "Invalid"


@pytest.mark.parametrize("subprotocol", ALL)
@pytest.mark.parametrize("listed", [False, True])
async def test_that_a_token_has_no_group_is_known_from_the_table_and_not_from_a_command(
    bench: Bench, subprotocol: str, listed: bool
) -> None:
    """A command brings a token, and need not name the group that the station knows it by."""
    if listed:
        await put(bench, "TAG1", "ACCEPTED")
    async with bench.station(subprotocol=subprotocol) as station:
        await start_command(bench, station, subprotocol)
        assert await Told(subprotocol).start(station) == "Accepted"
    [row] = await bench.transactions()
    assert (session_of(row).token_known, session_of(row).group_known) == (True, listed)


@pytest.mark.parametrize("subprotocol", ALL)
async def test_a_session_that_the_station_begins_anew_on_the_same_plug_keeps_its_right(
    bench: Bench, subprotocol: str
) -> None:
    first, again = Told(subprotocol), Told(subprotocol, "T2")
    async with bench.station(subprotocol=subprotocol) as station:
        request, _ = await start_command(bench, station, subprotocol)
        await first.start(station)
        await done(bench, request)
        assert await again.start(station) == "Accepted"
        assert await again.authorize(station) == "Accepted"
        assert await again.end(station) == "Accepted"
        assert await Told(subprotocol, "T4").start(station) == "Invalid"


@pytest.mark.parametrize("subprotocol", ALL)
async def test_a_second_session_beside_the_first_needs_a_right_of_its_own(
    bench: Bench, subprotocol: str
) -> None:
    async with bench.station(subprotocol=subprotocol) as station:
        request, _ = await start_command(bench, station, subprotocol)
        await Told(subprotocol).start(station)
        await done(bench, request)
        second = Told(subprotocol, "T2", evse=2)
        assert await second.start(station) == "Invalid"
        assert await second.start(station) == "Invalid"
    states = sorted(row.authorized for row in await bench.transactions())
    assert states == [False, True]


@pytest.mark.parametrize("subprotocol", ALL)
async def test_a_token_is_good_at_the_station_of_its_session_only(
    bench: Bench, subprotocol: str
) -> None:
    told = Told(subprotocol)
    async with bench.station(subprotocol=subprotocol) as station:
        request, _ = await start_command(bench, station, subprotocol)
        await told.start(station)
        await done(bench, request)
        async with bench.station("S2", subprotocol=subprotocol) as elsewhere:
            assert await told.authorize(elsewhere) == "Invalid"


@pytest.mark.parametrize("subprotocol", ALL)
@pytest.mark.parametrize(
    ("first", "then", "answer"),
    [
        ("ACCEPTED", "BLOCKED", "Accepted"),
        ("BLOCKED", "ACCEPTED", "Blocked"),
        ("INVALID", "BLOCKED", "Invalid"),
    ],
)
async def test_a_repeated_question_gets_the_first_answer_after_the_token_was_changed(
    bench: Bench, subprotocol: str, first: str, then: str, answer: str
) -> None:
    told = Told(subprotocol)
    await put(bench, "TAG1", first)
    async with bench.station(subprotocol=subprotocol) as station:
        started = await told.start(station)
        await put(bench, "TAG1", then)
        assert (started, await told.start(station)) == (answer, answer)
        assert await told.authorize(station) == {"ACCEPTED": "Accepted"}.get(then, "Blocked")
        ended = await told.end(station)
        await put(bench, "TAG1", first)
        assert await told.end(station) == ended


@pytest.mark.parametrize("subprotocol", ALL)
async def test_a_reservation_s_token_is_good_for_the_session_after_the_reservation_ended(
    bench: Bench, subprotocol: str
) -> None:
    told = Told(subprotocol)
    async with bench.station(subprotocol=subprotocol) as station:
        await bench.reserved(group="FAMILY", within_s=0.5)
        assert await told.start(station) == "Accepted"
        await asyncio.sleep(0.6)  # until the reservation has ended
        assert await told.start(station) == "Accepted"
        assert await told.authorize(station) == "Accepted"
        assert await told.authorize(station, "FAMILY") == "Accepted"
        assert await told.end(station) == "Accepted"
        assert await told.authorize(station) == "Invalid"


@pytest.mark.parametrize("subprotocol", ALL)
async def test_a_card_of_the_group_that_a_reservation_brought_may_end_its_session(
    bench: Bench, subprotocol: str
) -> None:
    told = Told(subprotocol)
    await put(bench, "PARTNER", "BLOCKED", group="FAMILY")
    async with bench.station(subprotocol=subprotocol) as station:
        await bench.reserved(group="FAMILY")
        await told.start(station)
        assert await told.end(station, "PARTNER") == "Accepted"
        assert await told.authorize(station, "PARTNER") == "Blocked"


@pytest.mark.parametrize("subprotocol", V2)
@pytest.mark.parametrize("by_answer", [False, True])
async def test_a_token_told_after_the_command_is_done_is_that_of_the_command(
    bench: Bench, subprotocol: str, by_answer: bool
) -> None:
    told = Told(subprotocol)
    async with bench.station(subprotocol=subprotocol) as station:
        await station.call("TransactionEvent", told.event("Started", 0))
        request, number = await start_command(
            bench, station, subprotocol, "T1" if by_answer else ""
        )
        await station.call("TransactionEvent", told.event("Updated", 1, chargingState="Charging"))
        await done(bench, request)
        named = told.event("Updated", 2, "TAG1", None if by_answer else number)
        for _ in range(2):
            answer = await station.call("TransactionEvent", named)
            assert answer["idTokenInfo"]["status"] == "Accepted"
        assert await told.authorize(station) == "Accepted"
        again = Told(subprotocol, "T2", evse=2).event("Started", 0, "TAG1", number)
        answer = await station.call("TransactionEvent", again)
        assert answer["idTokenInfo"]["status"] == "Invalid"
    rows = {row.ocpp_transaction_id: row for row in await bench.transactions()}
    assert (rows["T1"].authorized, rows["T2"].authorized) == (True, False)


@pytest.mark.parametrize("subprotocol", V2)
async def test_a_refused_event_is_asked_again_by_another_event(
    bench: Bench, subprotocol: str
) -> None:
    told = Told(subprotocol)
    async with bench.station(subprotocol=subprotocol) as station:
        assert await told.start(station) == "Invalid"
        await put(bench, "TAG1", "ACCEPTED")
        later = await station.call("TransactionEvent", told.event("Updated", 1, "TAG1"))
        assert later["idTokenInfo"]["status"] == "Accepted"
        assert await told.start(station) == "Invalid"


async def running_with_token(bench: Bench) -> list[str]:
    digest = bench.token("TAG1").digest
    async with bench.db.read() as tx:
        rows = await transactions.active(tx, "S1", token_digest=digest)
    return [row.ocpp_transaction_id for row in rows]


@pytest.mark.parametrize("subprotocol", V2)
async def test_a_session_that_names_our_request_is_found_by_the_token_of_the_request(
    bench: Bench, subprotocol: str
) -> None:
    told = Told(subprotocol)
    async with bench.station(subprotocol=subprotocol) as station:
        _, number = await start_command(bench, station, subprotocol)
        await station.call("TransactionEvent", told.event("Started", 0, number=number))
    assert await running_with_token(bench) == ["T1"]
    [row] = await bench.transactions()
    assert (row.token_masked, session_of(row).token_state.value) == (
        "****G1",
        "NOT_TOLD",
    )


@pytest.mark.parametrize("subprotocol", V2)
@pytest.mark.parametrize("event_first", [False, True])
async def test_a_session_that_the_answer_names_is_found_by_the_token_of_the_request(
    bench: Bench, subprotocol: str, event_first: bool
) -> None:
    told = Told(subprotocol)
    async with bench.station(subprotocol=subprotocol) as station:
        if event_first:
            await station.call("TransactionEvent", told.event("Started", 0))
        await start_command(bench, station, subprotocol, "T1")
        if not event_first:
            await station.call("TransactionEvent", told.event("Started", 0))
    assert await running_with_token(bench) == ["T1"]
    [row] = await bench.transactions()
    session = session_of(row)
    assert (session.token_state.value, session.is_accepted, session.is_refused) == (
        "NOT_TOLD",
        False,
        False,
    )


@pytest.mark.parametrize("subprotocol", V2)
async def test_a_token_that_the_station_tells_wins_over_the_one_of_the_request(
    bench: Bench, subprotocol: str
) -> None:
    told = Told(subprotocol)
    async with bench.station(subprotocol=subprotocol) as station:
        _, number = await start_command(bench, station, subprotocol)
        await station.call("TransactionEvent", told.event("Started", 0, number=number))
        answer = await station.call("TransactionEvent", told.event("Updated", 1, "OTHER"))
        assert answer["idTokenInfo"]["status"] == "Invalid"
    assert await running_with_token(bench) == []
    [row] = await bench.transactions()
    assert session_of(row).token_state.value == "REFUSED"


@pytest.mark.parametrize("subprotocol", V2)
async def test_another_station_s_request_gives_a_session_no_token(
    bench: Bench, subprotocol: str
) -> None:
    told = Told(subprotocol)
    async with (
        bench.station(subprotocol=subprotocol) as station,
        bench.station("S2", subprotocol=subprotocol) as other,
    ):
        _, number = await start_command(bench, station, subprotocol)
        await other.call("TransactionEvent", told.event("Started", 0, number=number))
    [row] = await bench.transactions("S2")
    assert row.token_digest is None


OVER = [
    pytest.param(ReservationState.HELD, 30, "Accepted", id="it was just ending"),
    pytest.param(ReservationState.EXPIRED, 30, "Accepted", id="its time was over since"),
    pytest.param(ReservationState.CANCELLED, 30, "Accepted", id="it was cancelled since"),
    pytest.param(ReservationState.USED, 30, "Invalid", id="another session used it"),
    pytest.param(ReservationState.EXPIRED, 0, "Invalid", id="it began afterwards"),
    pytest.param(ReservationState.EXPIRED, 90, "Invalid", id="it began before it was held"),
]


@pytest.mark.parametrize("subprotocol", ALL)
@pytest.mark.parametrize(("state", "ago_s", "verdict"), OVER)
async def test_a_session_that_began_under_a_reservation_and_is_told_after_its_end(
    bench: Bench, subprotocol: str, state: ReservationState, ago_s: float, verdict: str
) -> None:
    told = Told(subprotocol)
    told.at = (now() - timedelta(seconds=ago_s)).isoformat()
    async with bench.station(subprotocol=subprotocol) as station:
        await bench.reserved(held_for_s=60, within_s=-2, state=state)
        assert await told.start(station) == verdict
        assert await told.start(station) == verdict
