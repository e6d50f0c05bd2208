"""ReserveNow, CancelReservation, and the ends of a reservation, as each version has them."""

from typing import Any

import pytest

from simulator.charger.model import DriverToken
from simulator.config import Cable, TxStart
from tests.unit.simulator.stations import (
    EVERY,
    GROUP,
    NEWER,
    OTHER,
    TOKEN,
    cancel_call,
    charges,
    connected,
    hears_session,
    hears_status,
    reserve_call,
    reset_call,
    start,
    start_call,
)

ACCEPTED, REJECTED, OCCUPIED = (
    {"status": "Accepted"},
    {"status": "Rejected"},
    {"status": "Occupied"},
)


def at(version: str, evse_id: int) -> dict[str, Any]:
    return {"connectorId" if version == "1.6" else "evseId": evse_id}


@EVERY
async def test_a_reservation_of_one_evse_is_shown_and_keeps_others_out(version: str) -> None:
    async with connected(version, evses=2) as (system, station):
        assert await system.ask(*reserve_call(version, 2)) == ACCEPTED
        await hears_status(system, version, "Reserved")
        assert await start(system, version, token=OTHER, **at(version, 2)) == REJECTED
        assert await start(system, version, token=OTHER, **at(version, 1)) == ACCEPTED
        assert [each.evse_id for each in station.reservations] == [2]


@EVERY
async def test_a_reservation_of_any_evse_leaves_one_free_for_its_driver(version: str) -> None:
    async with connected(version, evses=2) as (system, station):
        assert await system.ask(*reserve_call(version, None)) == ACCEPTED
        await charges(system, station, token=OTHER, **at(version, 1))
        assert await start(system, version, token=OTHER, **at(version, 2)) == REJECTED
        assert await start(system, version, token=TOKEN, **at(version, 2)) == ACCEPTED


async def test_the_last_evse_of_a_reservation_of_any_is_shown_as_reserved_by_2x_only() -> None:
    async with connected("2.0.1") as (system, _station):
        await system.ask(*reserve_call("2.0.1", None))
        await hears_status(system, "2.0.1", "Reserved")
    async with connected("1.6") as (_system, station):
        await _system.ask(*reserve_call("1.6", None))
        assert station.charger.status(1) == "Available"


@EVERY
async def test_more_reservations_than_evses_are_refused(version: str) -> None:
    async with connected(version, evses=2) as (system, _station):
        assert await system.ask(*reserve_call(version, 1, reservation_id=5)) == ACCEPTED
        assert await system.ask(*reserve_call(version, None, reservation_id=6)) == ACCEPTED
        assert await system.ask(*reserve_call(version, None, reservation_id=7)) == OCCUPIED
        assert await system.ask(*reserve_call(version, 2, reservation_id=8)) == OCCUPIED


@EVERY
async def test_what_is_in_use_is_occupied(version: str) -> None:
    async with connected(version, cable=Cable.FIRST) as (system, station):
        assert await system.ask(*reserve_call(version)) == OCCUPIED
        await charges(system, station)
        assert await system.ask(*reserve_call(version, None)) == OCCUPIED


@EVERY
@pytest.mark.parametrize("evse_id", [1, None])
async def test_what_is_out_of_service_is_unavailable(version: str, evse_id: int | None) -> None:
    async with connected(version) as (system, station):
        station.set_available(False)
        assert await system.ask(*reserve_call(version, evse_id)) == {"status": "Unavailable"}


@EVERY
async def test_what_is_broken_is_faulted(version: str) -> None:
    async with connected(version, evses=2) as (system, station):
        station.fault(1)
        assert await system.ask(*reserve_call(version, 1)) == {"status": "Faulted"}
        assert await system.ask(*reserve_call(version, None)) == ACCEPTED


@EVERY
async def test_a_station_may_take_no_reservations_or_none_of_any_evse(version: str) -> None:
    async with connected(version, reserves=False) as (system, _station):
        assert (await system.ask(*reserve_call(version)))["status"] == "Rejected"
    async with connected(version, reserves_any=False) as (system, _station):
        assert (await system.ask(*reserve_call(version, None)))["status"] == "Rejected"
        assert await system.ask(*reserve_call(version, 1)) == ACCEPTED


@EVERY
async def test_an_unknown_evse_cannot_be_reserved(version: str) -> None:
    async with connected(version) as (system, _station):
        assert await system.ask(*reserve_call(version, 9)) == REJECTED


@NEWER
async def test_a_reservation_may_ask_for_a_plug(version: str) -> None:
    plugs = ("cCCS2", "cType2")
    async with connected(version, evses=2, connector_types=plugs) as (system, station):
        assert await system.ask(*reserve_call(version, None, connector_type="cG105")) == REJECTED
        assert await system.ask(*reserve_call(version, 2, connector_type="cCCS2")) == REJECTED
        assert await system.ask(*reserve_call(version, None, connector_type="cCCS2")) == ACCEPTED
        assert await start(system, version, token=OTHER, **at(version, 1)) == REJECTED
        await charges(system, station, token=OTHER, **at(version, 2))


@EVERY
async def test_the_same_id_replaces_and_a_refused_change_keeps_the_old_one(
    version: str,
) -> None:
    async with connected(version, evses=3) as (system, station):
        await charges(system, station, token=OTHER, **at(version, 3))
        assert await system.ask(*reserve_call(version, 1)) == ACCEPTED
        assert await system.ask(*reserve_call(version, 2)) == ACCEPTED
        assert await system.ask(*reserve_call(version, 3)) == OCCUPIED
        assert [each.evse_id for each in station.reservations] == [2]
        assert station.charger.status(1) == "Available"


@EVERY
async def test_a_cancelled_reservation_is_not_known_any_longer(version: str) -> None:
    async with connected(version) as (system, station):
        await system.ask(*reserve_call(version))
        assert await system.ask(*cancel_call()) == ACCEPTED
        assert await system.ask(*cancel_call()) == REJECTED
        await station.until(lambda: station.charger.status(1) == "Available")
        assert system.matching("ReservationStatusUpdate") == []


@EVERY
async def test_a_reservation_ends_by_the_stations_own_clock(version: str) -> None:
    async with connected(version) as (system, station):
        assert await system.ask(*reserve_call(version, lasts_s=0.05)) == ACCEPTED
        await station.until(lambda: not station.reservations)
        await station.delivered()
        assert await system.ask(*cancel_call()) == REJECTED
        ended = [("Expired")] if version != "1.6" else []
        assert endings(system) == ended
        assert last_status(system, version) == "Available"


@EVERY
@pytest.mark.parametrize("how", ["fault", "inoperative"])
async def test_a_reservation_ends_with_its_evse(version: str, how: str) -> None:
    async with connected(version) as (system, station):
        await system.ask(*reserve_call(version))
        await station.until(lambda: station.charger.evses[1].reported_status == "Reserved")
        if how == "fault":
            station.fault()
        else:
            station.set_available(False, 1)
        await station.delivered()
        assert station.reservations == []
        assert endings(system) == ([] if version == "1.6" else ["Removed"])
        assert last_status(system, version) == ("Faulted" if how == "fault" else "Unavailable")


@NEWER
async def test_a_reservation_of_any_evse_ends_when_too_few_are_left(version: str) -> None:
    async with connected(version, evses=2) as (system, station):
        await system.ask(*reserve_call(version, None))
        station.fault(1)
        assert len(station.reservations) == 1
        station.fault(2)
        await station.delivered()
        assert endings(system) == ["Removed"]


@EVERY
async def test_the_transaction_says_which_reservation_it_used(version: str) -> None:
    async with connected(version) as (system, station):
        await system.ask(*reserve_call(version))
        await charges(system, station)
        assert (await hears_session(system, version))["reservationId"] == 5
        assert station.reservations == []
        assert endings(system) == []


@EVERY
async def test_without_an_evse_named_a_driver_is_led_to_the_own_reservation(version: str) -> None:
    async with connected(version, evses=3) as (system, station):
        await system.ask(*reserve_call(version, 3))
        await charges(system, station)
        assert station.active_sessions[0].evse_id == 3


@NEWER
async def test_a_transaction_that_runs_since_the_plug_says_it_when_the_token_is_shown(
    version: str,
) -> None:
    async with connected(version, cable=Cable.NEVER, tx_start=TxStart.EV_CONNECTED) as pair:
        system, station = pair
        await system.ask(*reserve_call(version))
        station.plug_in()
        assert "reservationId" not in await hears_session(system, version)
        assert len(station.reservations) == 1
        station.swipe(DriverToken(TOKEN))
        told = await system.hears("TransactionEvent", triggerReason="Authorized")
        assert told["reservationId"] == 5


@NEWER
async def test_a_reservation_of_2x_is_used_up_when_the_token_is_shown(version: str) -> None:
    settings: dict[str, Any] = {"cable": Cable.NEVER, "connection_timeout_s": 0.05}
    async with connected(version, **settings) as (system, station):
        await system.ask(*reserve_call(version))
        station.swipe(DriverToken(TOKEN))
        await station.until(lambda: station.charger.evses[1].authorization is not None)
        assert await system.ask(*cancel_call()) == REJECTED
        await station.until(lambda: station.charger.evses[1].authorization is None)
        await station.delivered()
        assert endings(system) == (["NoTransaction"] if version == "2.1" else [])


async def test_a_reservation_of_16_stays_when_nobody_plugs_in() -> None:
    async with connected("1.6", cable=Cable.NEVER, connection_timeout_s=0.05) as (system, station):
        await system.ask(*reserve_call("1.6"))
        station.swipe(DriverToken(TOKEN))
        await hears_status(system, "1.6", "Preparing")
        await hears_status(system, "1.6", "Reserved", 2)
        assert await system.ask(*cancel_call()) == ACCEPTED


@EVERY
async def test_a_card_of_somebody_else_does_nothing_at_a_reserved_evse(version: str) -> None:
    async with connected(version, cable=Cable.NEVER) as (system, station):
        await system.ask(*reserve_call(version))
        station.swipe(DriverToken(OTHER))
        await station.delivered()
        assert station.sent["Authorize"] == 1
        assert station.charger.evses[1].authorization is None


@EVERY
async def test_a_card_of_the_group_uses_the_reservation(version: str) -> None:
    async with connected(version) as (system, station):
        system.replies["Authorize"] = in_group(GROUP)
        await system.ask(*reserve_call(version, group=GROUP))
        station.swipe(DriverToken(OTHER))
        assert (await hears_session(system, version))["reservationId"] == 5


@NEWER
async def test_a_remote_start_for_the_group_uses_the_reservation(version: str) -> None:
    async with connected(version) as (system, _station):
        await system.ask(*reserve_call(version, group=GROUP))
        group = {"idToken": GROUP, "type": "ISO14443"}
        action, request = start_call(version, OTHER)
        assert await system.ask(action, request) == REJECTED
        assert await system.ask(action, {**request, "groupIdToken": group}) == ACCEPTED
        assert (await hears_session(system, version))["reservationId"] == 5


@pytest.mark.parametrize(("group", "lets_in"), [(GROUP, True), ("FLEET-2", False)])
async def test_16_asks_for_the_parent_of_a_tag_that_is_started_on_a_reserved_evse(
    group: str, lets_in: bool
) -> None:
    async with connected("1.6") as (system, station):
        system.replies["Authorize"] = in_group(group)
        await system.ask(*reserve_call("1.6", group=GROUP))
        assert await start(system, "1.6", token=OTHER) == ACCEPTED
        await system.hears("Authorize", idTag=OTHER)
        await station.delivered()
        assert (station.charger.evses[1].authorization is not None) is lets_in
        if not lets_in:
            assert await start(system, "1.6", token=OTHER) == REJECTED


@EVERY
async def test_reservations_outlive_a_reset(version: str) -> None:
    async with connected(version) as (system, station):
        await system.ask(*reserve_call(version))
        assert (await system.ask(*reset_call(version)))["status"] == "Accepted"
        await system.hears("BootNotification", 2)
        await hears_status(system, version, "Reserved", 2)
        assert [each.id for each in station.reservations] == [5]


@NEWER
async def test_a_reservation_that_ends_without_network_is_told_afterwards(version: str) -> None:
    async with connected(version) as (system, station):
        await system.ask(*reserve_call(version, lasts_s=0.3))
        station.go_offline()
        await station.until(lambda: not station.reservations)
        station.go_online()
        await system.hears("ReservationStatusUpdate", reservationUpdateStatus="Expired")


def in_group(group: str) -> dict[str, Any]:
    return {
        "idTagInfo": {"status": "Accepted", "parentIdTag": group},
        "idTokenInfo": {
            "status": "Accepted",
            "groupIdToken": {"idToken": group, "type": "ISO14443"},
        },
    }


def endings(system: Any) -> list[str]:
    updates = system.matching("ReservationStatusUpdate", reservationId=5)
    return [str(update["reservationUpdateStatus"]) for update in updates]


def last_status(system: Any, version: str) -> str:
    field = "status" if version == "1.6" else "connectorStatus"
    return str(system.matching("StatusNotification")[-1][field])
