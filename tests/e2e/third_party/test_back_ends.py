"""Stations by others at back ends (CSMS) by others, directly and through us: the same day."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial

import pytest
from evcommand.v1 import station_service_pb2

from tests.e2e.foreign_system import System, running_system
from tests.e2e.third_party.back_ends import (
    BackEndByOthers,
    Words,
    eu_chargetime_server,
    ocpp_go_central_system,
    ocpp_go_csms,
    ocpp_rpc_server,
    running_back_end,
    stock_ocpp,
)
from tests.e2e.third_party.charge_point_process import ChargePointProcess, Event
from tests.e2e.third_party.programs import (
    eu_chargetime_16,
    new_station_id,
    ocpp_go_201,
    ocpp_rpc,
)
from tests.e2e.toolchains import BUILD_LIMIT_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(BUILD_LIMIT_S)]

Station = Callable[..., AbstractContextManager[ChargePointProcess]]


def rpc(version: str) -> Station:
    """A station on `ocpp-rpc`, whose strict mode judges every frame as well."""

    def running(url: str, station_id: str) -> AbstractContextManager[ChargePointProcess]:
        return ocpp_rpc(url, version, station_id=station_id)

    return running


go_201: Station = partial(ocpp_go_201, cable="first")

DAYS: list[tuple[Callable[[], Words], str, Station]] = [
    (ocpp_rpc_server, "ocpp-rpc 2.1", rpc("2.1")),
    (ocpp_rpc_server, "eu.chargetime 1.6", eu_chargetime_16),
    (ocpp_rpc_server, "ocpp-go 2.0.1", go_201),
    (ocpp_go_central_system, "ocpp-rpc 1.6", rpc("1.6")),
    (ocpp_go_csms, "ocpp-rpc 2.0.1", rpc("2.0.1")),
    (eu_chargetime_server, "ocpp-rpc 1.6", rpc("1.6")),
    (stock_ocpp, "eu.chargetime 1.6", eu_chargetime_16),
    (stock_ocpp, "ocpp-go 2.0.1", go_201),
    (stock_ocpp, "ocpp-rpc 2.1", rpc("2.1")),
]
"""Each version of each back end, with stations on other libraries where there are some."""


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that relays single stations to back ends on this machine, and observes."""
    private = {"EVCOMMAND_GATEWAY_UPSTREAM_ALLOW_PRIVATE": "true"}
    with running_system(tmp_path_factory.mktemp("relay"), environment=private) as running:
        yield running


@pytest.fixture(scope="module")
def back_end_of() -> Iterator[Callable[[Callable[[], Words]], BackEndByOthers]]:
    """Each back end, started when it is first asked for."""
    started: dict[str, tuple[AbstractContextManager[BackEndByOthers], BackEndByOthers]] = {}

    def back_end(words: Callable[[], Words]) -> BackEndByOthers:
        if words.__name__ not in started:
            running = running_back_end(words)
            started[words.__name__] = (running, running.__enter__())
        return started[words.__name__][1]

    yield back_end
    for running, _ in started.values():
        running.__exit__(None, None, None)


def relayed_to(relay: System, back_end: BackEndByOthers) -> str:
    """A new station that is relayed there."""
    station = new_station_id("relayed")
    relay.broker.register(station)
    request = station_service_pb2.UpdateStationRequest(
        station=station_service_pb2.Station(
            name=f"stations/{station}", upstream=f"{back_end.url}/{{station}}"
        )
    )
    relay.broker.stations.UpdateStation(request, timeout=10)
    return station


def charges(seen: list[Event]) -> bool:
    """Whether the session runs, and the station says nothing more of it by itself."""
    told = json.dumps(seen)
    meter_follows = '"chargePointVendor": "ocpp-rpc"' in told
    return '"Charging"' in told and (not meter_follows or '"MeterValues"' in told)


def is_over(event: Event) -> bool:
    """Whether the connector is free."""
    return event.get("method") == "StatusNotification" and '"Available"' in json.dumps(event)


def day(back_end: BackEndByOthers, station: str, charge_point: ChargePointProcess) -> list[str]:
    """Boot, a session that the back end starts and stops, and an unlock. Both sides' recordings."""
    process = back_end.process

    def ended() -> bool:
        seen = back_end.about(station)
        methods = [event.get("method") for event in seen]
        stopped = next((i for i, m in enumerate(methods) if "StopTransaction" in str(m)), len(seen))
        return any(is_over(event) for event in seen[stopped:])

    charge_point.wait_for("ready")
    back_end.command("start", station)
    charge_point.wait_for("session_started")
    process.wait_until(lambda: charges(back_end.about(station)))
    back_end.command("stop", station)
    charge_point.wait_for("session_ended")
    process.wait_until(ended)
    back_end.command("unlock", station)
    process.wait_until(lambda: back_end.about(station)[-1].get("method") == "UnlockConnector")
    charge_point.wait_until(lambda: has_told_all(charge_point, back_end.about(station)))
    if any(event["event"] == "answer" for event in charge_point.events):  # not all record them
        charge_point.wait_until(lambda: has_answered(charge_point, "UnlockConnector"))
    assert [*charge_point.violations(), *violations(back_end, station)] == []
    return recorded(station, back_end.about(station), charge_point.events)


def has_answered(charge_point: ChargePointProcess, method: str) -> bool:
    """Whether its recording has its own answer."""
    wanted = ("answer", method)
    return any((event["event"], event.get("method")) == wanted for event in charge_point.events)


def has_told_all(charge_point: ChargePointProcess, at_back_end: list[Event]) -> bool:
    """Whether its recording has come as far as that of the back end; not all record messages."""
    heard = sum(event["event"] == "heard" for event in at_back_end)
    count = Counter(event["event"] for event in charge_point.events)
    return count["sent"] in {0, heard} and count["sent"] == count["answered"]


def violations(back_end: BackEndByOthers, station: str) -> list[Event]:
    """What the back end's library objected to."""
    return [event for event in back_end.about(station) if event["event"] == "violation"]


def recorded(station: str, at_back_end: list[Event], at_station: list[Event]) -> list[str]:
    """What each side heard and was answered, in its order, without times and ids."""
    said = [
        [event for event in at_back_end if event["event"] != "answer"],
        [event for event in at_back_end if event["event"] == "answer"],
        [event for event in at_station if event["event"] in {"sent", "answered", "booted"}],
        [event for event in at_station if event["event"] in {"received", "answer", "refused"}],
        [event for event in at_station if event["event"].startswith("session_")],
    ]
    return [_without_ids(station, event) for events in said for event in events]


def _without_ids(station: str, event: Event) -> str:
    text = json.dumps(event, sort_keys=True).replace(station, "STATION")
    text = re.sub(r"\d{4}-\d\d-\d\dT[-0-9:.+Z]*", "TIME", text)
    text = re.sub(r"message \(\d+\)", "message", text)  # ocpp-go names its message id
    return re.sub(r'("(?:transactionId|remoteStartId|transaction_id)"): ("[^"]*"|\d+)', r"\1", text)


@pytest.mark.parametrize(
    ("words", "make"),
    [pytest.param(b, make, id=f"{b.__name__} - {name}") for b, name, make in DAYS],
)
def test_both_sides_see_the_same_day_as_without_us(
    relay: System,
    back_end_of: Callable[[Callable[[], Words]], BackEndByOthers],
    words: Callable[[], Words],
    make: Station,
) -> None:
    back_end = back_end_of(words)
    direct, relayed = new_station_id("direct"), relayed_to(relay, back_end)

    def spend(url: str, station: str) -> list[str]:
        with make(url, station_id=station) as charge_point:
            if station == relayed:
                relay.broker.wait_until_booted(f"stations/{relayed}")
            return day(back_end, station, charge_point)

    with ThreadPoolExecutor() as both:
        as_usual = both.submit(spend, back_end.url, direct)
        through_us = both.submit(spend, relay.ocpp_url, relayed)
        assert through_us.result() == as_usual.result()
    assert len(as_usual.result()) > 10
