"""The simulated station behaves as the standard says, in every version."""

import base64
from typing import Any

import pytest

from simulator.charger.model import DriverToken
from simulator.config import Cable, TxStart
from tests.unit.simulator.stations import (
    EVERY,
    NEWER,
    connected,
    hears_end,
    hears_session,
    start,
)

Asked = tuple[str, dict[str, Any]]
"""A CALL: its action and payload."""


@EVERY
async def test_it_boots_and_tells_the_status_of_every_evse(version: str) -> None:
    async with connected(version, evses=2) as (system, _station):
        await system.hears("BootNotification")
        await system.hears("StatusNotification", 2)
        assert system.path == "/ocpp/CP1"


async def test_it_shows_its_password_by_basic_auth() -> None:
    async with connected("1.6", password="swordfish") as (system, _station):
        assert system.authorization is not None
        assert base64.b64decode(system.authorization[6:]) == b"CP1:swordfish"


@EVERY
async def test_with_the_cable_last_the_session_begins_after_the_plug(version: str) -> None:
    async with connected(version, cable=Cable.LAST) as (system, _station):
        assert await start(system, version) == {"status": "Accepted"}
        await hears_session(system, version)


@EVERY
async def test_with_the_cable_first_the_session_begins_at_once(version: str) -> None:
    async with connected(version, cable=Cable.FIRST, plug_delay_s=60) as (system, _station):
        assert (await start(system, version))["status"] == "Accepted"
        await hears_session(system, version)


@NEWER
async def test_a_transaction_that_runs_since_the_plug_is_named_in_the_answer(version: str) -> None:
    async with connected(version, cable=Cable.FIRST, tx_start=TxStart.EV_CONNECTED) as pair:
        system, station = pair
        running = station.active_sessions[0].id
        assert await start(system, version) == {"status": "Accepted", "transactionId": running}
        event = await system.hears("TransactionEvent", triggerReason="RemoteStart")
        assert event["transactionInfo"]["remoteStartId"] == 7


@EVERY
async def test_without_a_cable_the_authorisation_ends_at_the_connection_timeout(
    version: str,
) -> None:
    async with connected(version, cable=Cable.NEVER, connection_timeout_s=0.05) as pair:
        system, station = pair
        await start(system, version)
        await station.until(lambda: station.charger.evses[1].authorization is None)
        assert station.charger.sessions == []


@NEWER
async def test_a_transaction_that_began_with_the_authorisation_ends_without_a_cable(
    version: str,
) -> None:
    early: dict[str, Any] = {"tx_start": TxStart.AUTHORIZED, "connection_timeout_s": 0.05}
    async with connected(version, cable=Cable.NEVER, **early) as (system, _station):
        await start(system, version)
        assert await hears_end(system, version) == "Timeout"


async def test_it_stops_by_the_id_that_the_back_end_gave_it() -> None:
    async with connected("1.6", cable=Cable.FIRST) as (system, station):
        await start(system, "1.6")
        await station.until(lambda: station.charger.sessions[0].csms_transaction_id is not None)
        stop = {"transactionId": station.charger.sessions[0].csms_transaction_id}
        assert await system.ask("RemoteStopTransaction", stop) == {"status": "Accepted"}
        assert await hears_end(system, "1.6") == "Remote"
        assert await system.ask("RemoteStopTransaction", stop) == {"status": "Rejected"}


@NEWER
async def test_it_stops_by_its_own_id(version: str) -> None:
    async with connected(version, cable=Cable.FIRST) as (system, station):
        await start(system, version)
        stop = {"transactionId": station.charger.sessions[0].id}
        assert await system.ask("RequestStopTransaction", stop) == {"status": "Accepted"}
        assert await hears_end(system, version) == "Remote"


@EVERY
async def test_a_busy_station_rejects_a_start(version: str) -> None:
    async with connected(version, cable=Cable.FIRST) as (system, _station):
        await start(system, version)
        assert await start(system, version) == {"status": "Rejected"}


@EVERY
async def test_what_happens_without_network_is_told_afterwards(version: str) -> None:
    async with connected(version, cable=Cable.FIRST, reconnect_s=0.05) as (system, station):
        await start(system, version)
        await hears_session(system, version)
        await station.until(lambda: not station.undelivered)
        station.go_offline()
        await station.until(lambda: not station.connected)
        station.stop_locally()
        station.go_online()
        assert await hears_end(system, version) == "Local"
        await station.until(lambda: not station.undelivered)
        assert len(system.matching("BootNotification")) == 1


async def test_events_from_the_time_without_network_say_so() -> None:
    async with connected("2.0.1", cable=Cable.FIRST) as (system, station):
        await start(system, "2.0.1")
        await station.until(lambda: not station.undelivered)
        station.go_offline()
        await station.until(lambda: not station.connected)
        station.stop_locally()
        station.go_online()
        assert (await system.hears("TransactionEvent", eventType="Ended"))["offline"] is True


async def test_a_session_whose_token_is_refused_is_ended() -> None:
    async with connected("1.6", cable=Cable.FIRST) as (system, _station):
        system.replies["StartTransaction"] = {"idTagInfo": {"status": "Invalid"}}
        await start(system, "1.6")
        assert await hears_end(system, "1.6") == "DeAuthorized"


@EVERY
async def test_a_remote_start_may_have_to_be_authorised_first(version: str) -> None:
    async with connected(version, cable=Cable.FIRST, authorize_remote=True) as (system, station):
        refusal = {"status": "Blocked"}
        system.replies["Authorize"] = {"idTagInfo": refusal, "idTokenInfo": refusal}
        assert (await start(system, version))["status"] == "Accepted"
        await system.hears("Authorize")
        await station.until(lambda: station.sent["Authorize"] == 1)
        assert station.charger.sessions == []


@EVERY
async def test_a_driver_begins_and_ends_a_session_with_a_card(version: str) -> None:
    async with connected(version, cable=Cable.FIRST) as (system, station):
        station.swipe(DriverToken("04AB"))
        await hears_session(system, version)
        station.swipe(DriverToken("04AB"))
        assert await hears_end(system, version) == "Local"


@EVERY
async def test_unplugging_ends_the_session(version: str) -> None:
    async with connected(version, cable=Cable.FIRST) as (system, station):
        await start(system, version)
        station.unplug()
        assert await hears_end(system, version) == "EVDisconnected"


@EVERY
async def test_meter_values_come_while_it_charges(version: str) -> None:
    async with connected(version, cable=Cable.FIRST, meter_interval_s=0.02) as (system, _station):
        await start(system, version)
        if version == "1.6":
            await system.hears("MeterValues", 2)
        else:
            await system.hears("TransactionEvent", 2, triggerReason="MeterValuePeriodic")


async def test_it_tells_its_connection_timeout_in_every_version() -> None:
    async with connected("1.6", connection_timeout_s=45) as (system, _station):
        answer = await system.ask("GetConfiguration", {"key": ["ConnectionTimeOut", "Nonsense"]})
        assert answer["configurationKey"][0]["value"] == "45"
        assert answer["unknownKey"] == ["Nonsense"]
    async with connected("2.0.1", connection_timeout_s=45) as (system, _station):
        asked = {
            "component": {"name": "TxCtrlr"},
            "variable": {"name": "EVConnectionTimeOut"},
        }
        answer = await system.ask("GetVariables", {"getVariableData": [asked]})
        assert answer["getVariableResult"][0]["attributeValue"] == "45"


@NEWER
async def test_it_knows_whether_a_transaction_is_going_on(version: str) -> None:
    async with connected(version, cable=Cable.FIRST) as (system, station):
        await start(system, version)
        await station.until(lambda: not station.undelivered)
        asked = {"transactionId": station.charger.sessions[0].id}
        answer = await system.ask("GetTransactionStatus", asked)
        assert answer == {"ongoingIndicator": True, "messagesInQueue": False}


@EVERY
async def test_it_says_again_what_it_is_triggered_to(version: str) -> None:
    async with connected(version) as (system, _station):
        heard = len(system.matching("StatusNotification"))
        asked = {"requestedMessage": "StatusNotification"}
        assert await system.ask("TriggerMessage", asked) == {"status": "Accepted"}
        await system.hears("StatusNotification", heard + 1)


@EVERY
async def test_out_of_service_it_rejects_a_start(version: str) -> None:
    async with connected(version) as (system, _station):
        change = (
            {"connectorId": 0, "type": "Inoperative"}
            if version == "1.6"
            else {"operationalStatus": "Inoperative"}
        )
        assert await system.ask("ChangeAvailability", change) == {"status": "Accepted"}
        assert await start(system, version) == {"status": "Rejected"}


@EVERY
async def test_what_it_does_not_know_it_refuses(version: str) -> None:
    async with connected(version) as (system, _station):
        assert await system.ask("MakeCoffee", {}) == {"error": "NotImplemented"}


def key(value: str) -> Asked:
    return "ChangeConfiguration", {"key": "AuthorizationKey", "value": value}


def variable(value: str) -> Asked:
    named = {
        "component": {"name": "SecurityCtrlr"},
        "variable": {"name": "BasicAuthPassword"},
    }
    return "SetVariables", {"setVariableData": [{**named, "attributeValue": value}]}


@pytest.mark.parametrize(
    ("version", "asked", "password"),
    [
        ("1.6", key(b"sixteen-letters!".hex()), b"sixteen-letters!"),
        ("1.6", key("00FF" * 10), b"\x00\xff" * 10),
        ("2.0.1", variable("sixteen-letters!"), b"sixteen-letters!"),
    ],
)
async def test_with_another_password_it_connects_again(
    version: str, asked: Asked, password: bytes
) -> None:
    async with connected(version, password="swordfish", reconnect_s=0.01) as (system, _station):
        await system.hears("BootNotification")
        assert "Accepted" in str(await system.ask(*asked))
        await system.sees_connections(2)
        assert base64.b64decode((system.authorization or "")[6:]) == b"CP1:" + password


@pytest.mark.parametrize(
    ("version", "asked"),
    [("1.6", key("no digits")), ("1.6", key("00" * 15)), ("2.1", variable("too short"))],
)
async def test_a_password_that_is_none_is_refused(version: str, asked: Asked) -> None:
    async with connected(version, password="swordfish") as (system, station):
        await system.hears("BootNotification")
        assert "Rejected" in str(await system.ask(*asked))
        assert station.connected
