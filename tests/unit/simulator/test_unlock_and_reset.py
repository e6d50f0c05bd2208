"""UnlockConnector and Reset, as each version has them."""

import pytest

from simulator.config import Cable
from tests.unit.simulator.central_system import Payload
from tests.unit.simulator.stations import (
    EVERY,
    NEWER,
    charges,
    connected,
    hears_end,
    hears_status,
    reset_call,
    start,
    stop_call,
    unlock_call,
)

UNKNOWN = {"1.6": "NotSupported", "2.0.1": "UnknownConnector", "2.1": "UnknownConnector"}


@EVERY
async def test_a_connector_unlocks(version: str) -> None:
    async with connected(version) as (system, _station):
        assert await system.ask(*unlock_call(version)) == {"status": "Unlocked"}


@EVERY
async def test_an_unknown_connector_has_its_own_word(version: str) -> None:
    async with connected(version) as (system, _station):
        assert await system.ask(*unlock_call(version, 9)) == {"status": UNKNOWN[version]}


@EVERY
async def test_a_jammed_lock_fails_until_it_is_free_again(version: str) -> None:
    async with connected(version, lock_jams=True) as (system, station):
        assert await system.ask(*unlock_call(version)) == {"status": "UnlockFailed"}
        station.jam_lock(jammed=False)
        assert await system.ask(*unlock_call(version)) == {"status": "Unlocked"}


@EVERY
async def test_a_tethered_cable_cannot_be_unlocked(version: str) -> None:
    async with connected(version, tethered=True) as (system, _station):
        expected = {"status": "NotSupported"} if version == "1.6" else {"error": "NotSupported"}
        assert await system.ask(*unlock_call(version)) == expected


async def test_unlocking_ends_a_transaction_of_16_first() -> None:
    async with connected("1.6", cable=Cable.FIRST) as (system, station):
        await charges(system, station)
        assert await system.ask(*unlock_call("1.6")) == {"status": "Unlocked"}
        assert await hears_end(system, "1.6") == "UnlockCommand"


@NEWER
async def test_an_authorised_transaction_keeps_a_2x_connector_locked(version: str) -> None:
    async with connected(version, cable=Cable.FIRST) as (system, station):
        await charges(system, station)
        answer = await system.ask(*unlock_call(version))
        assert answer == {"status": "OngoingAuthorizedTransaction"}
        assert len(station.active_sessions) == 1


RESETS = [
    ("1.6", "Hard", "HardReset"),
    ("1.6", "Soft", "SoftReset"),
    ("2.0.1", "Immediate", "ImmediateReset"),
    ("2.1", "Immediate", "ImmediateReset"),
]


@pytest.mark.parametrize(("version", "kind", "reason"), RESETS)
async def test_a_reset_ends_what_runs_and_boots_again(version: str, kind: str, reason: str) -> None:
    async with connected(version, cable=Cable.FIRST) as (system, station):
        await charges(system, station)
        statuses = len(system.matching("StatusNotification"))
        assert await system.ask("Reset", {"type": kind}) == {"status": "Accepted"}
        assert await hears_end(system, version) == reason
        boot = await system.hears("BootNotification", 2)
        assert boot.get("reason", "RemoteReset") == "RemoteReset"
        await system.hears("StatusNotification", statuses + 1)
        assert station.connections == 2


@NEWER
async def test_an_idle_station_resets_on_idle_at_once(version: str) -> None:
    async with connected(version) as (system, _station):
        assert await system.ask("Reset", {"type": "OnIdle"}) == {"status": "Accepted"}
        await system.hears("BootNotification", reason="RemoteReset")


@NEWER
async def test_a_busy_station_resets_after_its_last_transaction(version: str) -> None:
    async with connected(version, cable=Cable.FIRST, evses=2) as (system, station):
        await charges(system, station, evseId=1)
        assert await system.ask("Reset", {"type": "OnIdle"}) == {"status": "Scheduled"}
        await hears_status(system, version, "Unavailable")
        assert await start(system, version, evseId=2) == {"status": "Rejected"}
        assert system.matching("BootNotification", reason="ScheduledReset") == []
        await system.ask(*stop_call(station))
        assert await hears_end(system, version) == "Remote"
        await system.hears("BootNotification", reason="ScheduledReset")


async def test_transactions_go_on_after_a_reset_that_resumes_them() -> None:
    async with connected("2.1", cable=Cable.FIRST, resumes=True) as (system, station):
        await charges(system, station)
        assert await system.ask("Reset", {"type": "ImmediateAndResume"}) == {"status": "Accepted"}
        await system.hears("BootNotification", 2)
        resumed = await system.hears("TransactionEvent", triggerReason="TxResumed")
        assert resumed["transactionInfo"]["transactionId"] == station.active_sessions[0].id
        assert resumed["transactionInfo"]["chargingState"] == "Charging"
        assert resumed["offline"] is False
        assert system.matching("TransactionEvent", eventType="Ended") == []


KINDS = [("2.0.1", "ImmediateAndResume"), ("2.1", "ImmediateAndResume"), ("2.1", "Nonsense")]


@pytest.mark.parametrize(("version", "kind"), KINDS)
async def test_a_reset_that_a_station_does_not_know_is_rejected(version: str, kind: str) -> None:
    async with connected(version) as (system, _station):
        answer = await system.ask("Reset", {"type": kind})
        assert answer == rejected("UnsupportedParam")


@NEWER
async def test_one_evse_restarts_while_the_station_stays(version: str) -> None:
    async with connected(version, cable=Cable.FIRST, evses=2) as (system, station):
        await charges(system, station, evseId=2)
        boots = {"type": "Immediate", "evseId": 2}
        assert await system.ask("Reset", boots) == {"status": "Accepted"}
        assert await hears_end(system, version) == "ImmediateReset"
        await hears_status(system, version, "Unavailable")
        await station.until(lambda: station.charger.status(2) == "Finishing")
        await station.delivered()
        last = system.matching("StatusNotification", evseId=2)[-1]
        assert last["connectorStatus"] == "Occupied"
        assert station.connections == station.sent["BootNotification"] == 1


@NEWER
async def test_a_busy_evse_restarts_after_its_transaction(version: str) -> None:
    async with connected(version, cable=Cable.FIRST, evses=2) as (system, station):
        await charges(system, station, evseId=1)
        idle = {"type": "OnIdle", "evseId": 2}
        assert await system.ask("Reset", idle) == {"status": "Accepted"}
        busy = {"type": "OnIdle", "evseId": 1}
        assert await system.ask("Reset", busy) == {"status": "Scheduled"}
        await system.ask(*stop_call(station))
        await system.hears("StatusNotification", evseId=1, connectorStatus="Unavailable")
        await station.until(lambda: station.charger.status(1) == "Finishing")
        assert station.sent["BootNotification"] == 1


async def test_a_transaction_goes_on_after_the_restart_of_its_evse() -> None:
    async with connected("2.1", cable=Cable.FIRST, resumes=True) as (system, station):
        await charges(system, station)
        resume = {"type": "ImmediateAndResume", "evseId": 1}
        assert await system.ask("Reset", resume) == {"status": "Accepted"}
        await system.hears("TransactionEvent", triggerReason="TxResumed")
        assert len(station.active_sessions) == station.sent["BootNotification"] == 1


@NEWER
async def test_the_reset_of_an_evse_may_be_unknown_and_the_evse_too(version: str) -> None:
    asked = {"type": "Immediate", "evseId": 9}
    async with connected(version) as (system, _station):
        assert await system.ask("Reset", asked) == rejected("UnknownEvse")
    async with connected(version, resets_one_evse=False) as (system, _station):
        assert await system.ask("Reset", asked) == rejected("UnsupportedParam")


@EVERY
async def test_a_driver_who_has_not_plugged_in_is_forgotten_by_a_reset(version: str) -> None:
    async with connected(version, cable=Cable.NEVER) as (system, station):
        assert (await start(system, version))["status"] == "Accepted"
        assert (await system.ask(*reset_call(version)))["status"] == "Accepted"
        await system.hears("BootNotification", 2)
        assert station.charger.evses[1].authorization is None


@EVERY
async def test_after_a_power_cut_the_end_of_what_ran_is_told(version: str) -> None:
    async with connected(version, cable=Cable.FIRST) as (system, station):
        await charges(system, station)
        station.reboot()
        boot = await system.hears("BootNotification", 2)
        assert boot.get("reason", "PowerUp") == "PowerUp"
        assert await hears_end(system, version) == "PowerLoss"


@EVERY
async def test_a_broken_evse_ends_its_transaction_and_can_be_repaired(version: str) -> None:
    async with connected(version, cable=Cable.FIRST) as (system, station):
        await charges(system, station)
        station.fault()
        assert await hears_end(system, version) == ("Other" if version == "1.6" else "GroundFault")
        await hears_status(system, version, "Faulted")
        assert await start(system, version) == {"status": "Rejected"}
        station.repair()
        await charges(system, station)


def rejected(reason_code: str) -> Payload:
    return {"status": "Rejected", "statusInfo": {"reasonCode": reason_code}}
