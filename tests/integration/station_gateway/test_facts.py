"""Facts of stations are recorded once, before the answer, and wake the commands they concern."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from domain.model.specs import Kind
from fleet import stations, tokens
from fleet.engine.unavailable import DatabaseUnavailable
from tests.support.benches.gateway_bench import TENANT, Bench, now
from tests.support.stations.scripted_station import ScriptedStation, eventually

START = {
    "connectorId": 1,
    "idTag": "TAG1",
    "meterStart": 5,
    "timestamp": "2026-01-01T00:00:00Z",
}


async def put_token(
    bench: Bench, value: str, status: str = "ACCEPTED", expire_time: datetime | None = None
) -> None:
    await bench.write(
        lambda tx: tokens.put(
            tx,
            tenant=TENANT,
            value=value,
            type="ISO14443",
            status=status,
            group=None,
            expire_time=expire_time,
            now=now(),
        )
    )


async def test_a_boot_is_accepted_with_our_time_and_interval(bench: Bench) -> None:
    async with bench.station("S1", boot=False) as station:
        answer = await station.boot()
    assert (answer["status"], answer["interval"]) == ("Accepted", 300)
    assert abs(datetime.fromisoformat(answer["currentTime"]) - now()) < timedelta(seconds=5)
    async with bench.db.read() as tx:
        known = await stations.get(tx, "S1")
    assert known is not None
    assert (known.boot_state, known.vendor, known.ocpp_version) == ("ACCEPTED", "Acme", "1.6")


async def test_duplicate_start_transaction_call_same_answer_one_transaction(bench: Bench) -> None:
    async with bench.station("S1") as station:
        first = await station.call("StartTransaction", START, "same-id")
        second = await station.call("StartTransaction", START, "same-id")
    assert first == second
    assert len(await bench.transactions()) == 1


async def test_a_start_repeated_after_a_reconnect_is_the_same_transaction(bench: Bench) -> None:
    async with bench.station("S1") as station:
        first = await station.call("StartTransaction", START)
    async with bench.station("S1") as station:
        second = await station.call("StartTransaction", START)
    assert first["transactionId"] == second["transactionId"]


async def test_an_offline_replay_with_a_1970_clock_is_flagged(bench: Bench) -> None:
    async with bench.station("S1") as station:
        await station.call("StartTransaction", {**START, "timestamp": "1970-01-01T00:00:07Z"})
    [session] = await bench.transactions()
    assert session.clock_suspect
    assert session.start_time is not None
    assert abs(session.start_time - now()) < timedelta(seconds=10)


async def test_a_session_starts_and_stops(bench: Bench) -> None:
    await put_token(bench, "TAG1")
    async with bench.station("S1") as station:
        started = await station.call("StartTransaction", START)
        stopped = await station.call("StopTransaction", stop(started["transactionId"]))
    assert started["idTagInfo"]["status"] == "Accepted"
    assert stopped == {}
    [session] = await bench.transactions()
    assert (session.state, session.meter_stop_wh, session.stop_reason) == ("ENDED", 9, "Local")


def stop(transaction_id: int) -> dict[str, object]:
    return {
        "transactionId": transaction_id,
        "meterStop": 9,
        "timestamp": "2026-01-01T01:00:00Z",
        "reason": "Local",
    }


@pytest.mark.parametrize("transaction_id", [0, -1])
async def test_a_stop_without_our_id_ends_the_only_open_session(
    bench: Bench, transaction_id: int
) -> None:
    async with bench.station("S1") as station:
        await station.call("StartTransaction", START)
        assert await station.call("StopTransaction", stop(transaction_id)) == {}
    [session] = await bench.transactions()
    assert session.state == "ENDED"


async def test_a_stop_without_our_id_ends_the_open_session_that_its_meter_fits(
    bench: Bench,
) -> None:
    async with bench.station("S1") as station:
        await station.call("StartTransaction", START)
        await station.call("StartTransaction", START | {"connectorId": 2, "meterStart": 7_000})
        await station.call("StopTransaction", stop(-1))
    states = {session.evse_id: session.state for session in await bench.transactions()}
    assert states == {1: "ENDED", 2: "ACTIVE"}


async def test_meter_values_of_an_unheard_session_make_it_known_once(bench: Bench) -> None:
    values = [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "17"}]}]
    async with bench.station("S1") as station:
        for _ in range(2):
            await station.call(
                "MeterValues", {"connectorId": 1, "transactionId": 4711, "meterValue": values}
            )
    [session] = await bench.transactions()
    assert (session.ocpp_transaction_id, session.observed_only, session.state) == (
        "4711",
        True,
        "ACTIVE",
    )


async def test_a_connector_status_is_known_with_the_one_before(bench: Bench) -> None:
    async with bench.station("S1") as station:
        for word in ("Available", "Preparing", "Preparing", "Available"):
            await station.call(
                "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": word}
            )
    async with bench.db.read() as tx:
        [connector] = await stations.connectors(tx, "S1")
    assert (connector.status, connector.previous_status) == ("Available", "Preparing")


async def authorize(station: ScriptedStation, tag: str) -> str:
    answer = await station.call("Authorize", {"idTag": tag})
    return str(answer["idTagInfo"]["status"])


async def test_tokens_are_judged_by_the_table(bench: Bench) -> None:
    yesterday = now() - timedelta(days=1)
    await put_token(bench, "GOOD")
    await put_token(bench, "BAD", "BLOCKED")
    await put_token(bench, "OLD", expire_time=yesterday)
    async with bench.station("S1") as station:
        judged = [await authorize(station, tag) for tag in ("GOOD", "good", "BAD", "OLD", "WHO")]
    assert judged == ["Accepted", "Accepted", "Blocked", "Expired", "Invalid"]


async def test_a_token_of_a_command_in_flight_is_good_at_that_station_only(bench: Bench) -> None:
    async with bench.station("S1") as here, bench.station("S2") as elsewhere:
        sending = bench.sending(await bench.start_request("S1", tag="NEVERSEEN"))
        await here.accept("RemoteStartTransaction")
        await sending
        assert await authorize(here, "NEVERSEEN") == "Accepted"
        assert await authorize(elsewhere, "NEVERSEEN") == "Invalid"


async def test_a_refused_start_is_written_down_as_not_authorized(bench: Bench) -> None:
    async with bench.station("S1") as station:
        started = await station.call("StartTransaction", {**START, "idTag": "WHO"})
    [session] = await bench.transactions()
    assert started["idTagInfo"]["status"] == "Invalid"
    assert session.ocpp_transaction_id == str(started["transactionId"])
    assert not session.authorized


async def test_a_station_that_comes_back_wakes_the_commands_that_wait_for_it(bench: Bench) -> None:
    await bench.register("S1")
    request = await bench.start_request("S1")
    async with bench.station("S1"):
        await eventually(lambda: bench.waker.kicks >= 2)
    (wakeup,) = await bench.wakeups()
    assert (wakeup.workflow_id, wakeup.told) == (request.workflow_id, 2)  # connected and booted
    assert request.kind is Kind.START_SESSION


async def test_without_a_database_a_fact_is_not_answered_and_its_repeat_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.restart(fact_timeout_s=0.2)
    async with bench.station("S1") as station:
        working = bench.db.batch

        async def down(op: object) -> None:
            raise DatabaseUnavailable("down")

        monkeypatch.setattr(bench.db, "batch", down)
        unanswered = await station.begin("StartTransaction", START, "first")
        assert await station.call("Heartbeat", {})
        monkeypatch.setattr(bench.db, "batch", working)
        answer = await station.call("StartTransaction", START, "second")
        assert (unanswered.done(), answer["transactionId"] > 0) == (False, True)
        assert await station.call("StartTransaction", START, "first") == answer
    assert len(await bench.transactions()) == 1


async def test_while_the_database_comes_back_a_fact_is_answered_late(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench.station("S1") as station:
        working, tries = bench.db.batch, asyncio.Event()

        async def down(op: object) -> None:
            tries.set()
            raise DatabaseUnavailable("down")

        monkeypatch.setattr(bench.db, "batch", down)
        answer = await station.begin("StartTransaction", START)
        await tries.wait()
        monkeypatch.setattr(bench.db, "batch", working)
        assert (await asyncio.wait_for(answer, 5))[0] == 3


@pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
async def test_events_of_a_2_x_session_come_in_any_order(bench: Bench, subprotocol: str) -> None:
    async with bench.station("S1", subprotocol=subprotocol) as station:
        await station.call("TransactionEvent", event("Ended", 2))
        answer = await station.call("TransactionEvent", event("Started", 0))
    [session] = await bench.transactions()
    assert (session.state, answer["idTokenInfo"]["status"]) == ("ENDED", "Invalid")


def event(event_type: str, seq_no: int) -> dict[str, object]:
    token = {"idToken": {"idToken": "TAG1", "type": "ISO14443"}} if seq_no == 0 else {}
    return {
        "eventType": event_type,
        "timestamp": datetime.now(UTC).isoformat(),
        "triggerReason": "Authorized",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "T1"},
        "evse": {"id": 1, "connectorId": 1},
        **token,
    }


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("DataTransfer", {"vendorId": "x"}),
        ("FirmwareStatusNotification", {"status": "Idle"}),
        ("DiagnosticsStatusNotification", {"status": "Idle"}),
        ("LogStatusNotification", {"status": "Idle"}),
        ("SecurityEventNotification", {"type": "X", "timestamp": "2026-01-01T00:00:00Z"}),
    ],
)
async def test_notices_of_a_1_6_station_are_confirmed(
    bench: Bench, action: str, payload: dict[str, object]
) -> None:
    async with bench.station("S1") as station:
        assert "error" not in await station.call(action, payload)


@pytest.mark.parametrize(
    ("behind_s", "statuses", "slack_s"), [(9, 2, 11), (0, 2, 2), (-20, 2, -18), (9, 1, None)]
)
async def test_a_session_tells_how_exact_its_start_is(
    bench: Bench, behind_s: float, statuses: int, slack_s: float | None
) -> None:
    def told() -> str:
        return (now() - timedelta(seconds=behind_s)).isoformat()

    status = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}
    async with bench.station("S1") as station:
        for _ in range(statuses):
            await station.call("StatusNotification", status | {"timestamp": told()})
        await station.call("StartTransaction", START | {"timestamp": told()})
    [session] = await bench.transactions()
    slack = session.start_slack_s
    assert slack is slack_s if slack_s is None or slack is None else abs(slack - slack_s) < 2
