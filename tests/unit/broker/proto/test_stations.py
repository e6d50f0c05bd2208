"""Stations and transactions: faults of requests, and how they are shown."""

from dataclasses import replace

import pytest
from evcommand.v1 import station_service_pb2 as stations_pb
from google.protobuf.field_mask_pb2 import FieldMask

from broker.proto import stations as messages
from broker.proto.names import parse_station, station_name
from domain.evidence.station_clock import Clock, StationClock
from tests.unit.broker.edges import fields_of
from tests.unit.broker.requests import NOW, REQUEST_ID
from tests.unit.broker.things import connection, connector, station, transaction


@pytest.mark.parametrize(
    ("request_", "faults"),
    [
        (stations_pb.CreateStationRequest(station_id="CP-1"), []),
        (
            stations_pb.CreateStationRequest(
                station_id="CP-1", security_profile=2, basic_auth_password="x" * 16
            ),
            [],
        ),
        (stations_pb.CreateStationRequest(station_id="CP-1", security_profile=3), []),
        (
            stations_pb.CreateStationRequest(
                station_id="a\nb",
                location="x" * 256,
                security_profile=4,
                basic_auth_password="short",
                labels={"Bad Key": ""},
            ),
            ["station_id", "location", "security_profile", "labels", "basic_auth_password"],
        ),
        (
            stations_pb.CreateStationRequest(station_id="x" * 49, security_profile=0),
            ["station_id", "security_profile"],
        ),
    ],
)
def test_a_new_station_is_checked(
    request_: stations_pb.CreateStationRequest, faults: list[str]
) -> None:
    assert fields_of(messages.check_create(request_)) == faults


CHANGED = stations_pb.Station(
    name="stations/CP-1", location="roof", labels={"site": "7"}, security_profile=2
)


def update(*paths: str, station: stations_pb.Station = CHANGED) -> stations_pb.UpdateStationRequest:
    mask = FieldMask(paths=paths) if paths else None
    return stations_pb.UpdateStationRequest(station=station, update_mask=mask)


LOSS_HOLD = stations_pb.Station.UpstreamLoss.UPSTREAM_LOSS_HOLD


@pytest.mark.parametrize(
    ("request_", "faults"),
    [
        (update(), []),
        (update("*"), []),
        (update("location"), []),
        (update("labels", "security_profile"), []),
        (update(station=stations_pb.Station(name="stations/CP-1", security_profile=3)), []),
        (update("vendor"), ["update_mask", "update_mask"]),
        (update("location", "name"), ["update_mask"]),
        (update(station=stations_pb.Station(name="stations/CP-1")), ["update_mask"]),
        (update("location", station=stations_pb.Station(name="CP-1")), ["station.name"]),
        (
            update(
                station=stations_pb.Station(
                    name="stations/CP-1",
                    location="x" * 256,
                    labels={"Bad Key": "x"},
                    security_profile=4,
                )
            ),
            ["station.location", "station.labels", "station.security_profile"],
        ),
        (
            update("*", station=stations_pb.Station(name="stations/CP-1")),
            ["station.security_profile"],
        ),
        (update("upstream"), []),
        (
            update(station=stations_pb.Station(name="stations/CP-1", upstream="http://csms/")),
            ["station.upstream"],
        ),
        (update("upstream_loss"), []),
        (
            update(station=stations_pb.Station(name="stations/CP-1", upstream_loss=7)),  # type: ignore[arg-type]
            ["station.upstream_loss"],
        ),
    ],
)
def test_a_change_of_a_station_is_checked(
    request_: stations_pb.UpdateStationRequest, faults: list[str]
) -> None:
    assert fields_of(messages.check_update(request_)) == faults


@pytest.mark.parametrize(
    ("request_", "change"),
    [
        (update(), messages.StationChange("roof", {"site": "7"}, 2)),
        (update("*"), messages.StationChange("roof", {"site": "7"}, 2, "", "")),
        (update("upstream"), messages.StationChange(upstream="")),
        (
            update(station=stations_pb.Station(upstream_loss=LOSS_HOLD)),
            messages.StationChange(upstream_loss="hold"),
        ),
        (update("location"), messages.StationChange(location="roof")),
        (
            update("location", "labels", station=stations_pb.Station(name="stations/CP-1")),
            messages.StationChange("", {}),
        ),
        (
            update(station=stations_pb.Station(name="stations/CP-1", security_profile=1)),
            messages.StationChange(security_profile=1),
        ),
    ],
)
def test_the_mask_says_what_is_changed(
    request_: stations_pb.UpdateStationRequest, change: messages.StationChange
) -> None:
    assert messages.change_in(request_) == change


@pytest.mark.parametrize(
    ("identity", "good"),
    [
        *(
            (one, True)
            for one in ("RDAM 123", "CP 1", "Köln 1/2", "100%", "00:1B:44", "電車", "a.b")
        ),
        *(
            (one, False)
            for one in ("", " CP", "CP ", ".", "..", "a\tb", "a\u00a0b", "u\u0308", "\0")
        ),
        ("x" * 48, True),
        ("ü" * 48, True),
        ("x" * 49, False),
    ],
)
def test_what_can_be_escaped_in_a_url_can_be_registered(identity: str, good: bool) -> None:
    found = messages.check_create(stations_pb.CreateStationRequest(station_id=identity))
    assert [one.field for one in found] == ([] if good else ["station_id"])
    if good:
        assert parse_station(station_name(identity)) == identity


def test_lists_of_stations_and_transactions_are_checked() -> None:
    stations = stations_pb.ListStationsRequest(location="x" * 256, page_size=-1)
    assert fields_of(messages.check_list(stations)) == ["location", "page_size"]
    transactions = stations_pb.ListTransactionsRequest(station="x", page_size=999)
    assert fields_of(messages.check_list_transactions(transactions)) == ["station", "page_size"]


def test_a_connected_station_is_shown_with_its_evses() -> None:
    connectors = [connector(2, 1), connector(1, 2, "Charging"), connector(1, 1), connector(0, 0)]
    whole = connector(1, 0)
    shown = messages.station_out(
        station(), connection(), [*connectors, whole], pending=[REQUEST_ID]
    )
    assert (shown.connected, shown.gateway, shown.ocpp_version) == (True, "gw-1", "2.0.1")
    numbers = [(one.evse_id, [c.connector_id for c in one.connectors]) for one in shown.evses]
    assert numbers == [(1, [1, 2]), (2, [1])]
    assert shown.evses[0].connectors[1].state == "Charging"
    assert shown.evses[0].connectors[0].error_code == ""
    assert shown.pending_commands == [f"commands/{REQUEST_ID}"]
    assert shown.boot_state == stations_pb.Station.BOOT_STATE_ACCEPTED


def test_the_offsets_of_a_stations_clocks_are_shown() -> None:
    known = StationClock(Clock(-660.0004, 1.25), Clock(7200.5)).stored()
    shown = messages.station_out(replace(station(), clock=known), None, ()).clocks
    assert [
        (one.local, one.offset.ToMilliseconds(), one.spread.ToMilliseconds()) for one in shown
    ] == [
        (False, -660_000, 1_250),
        (True, 7_200_500, 0),
    ]


def test_a_station_that_never_connected_is_shown_so() -> None:
    fresh = station(ocpp_version="", boot_state="", boot_time=None, last_seen_time=None)
    shown = messages.station_out(fresh, None, [])
    assert (shown.connected, shown.gateway, shown.ocpp_version) == (False, "", "")
    assert shown.boot_state == stations_pb.Station.BOOT_STATE_UNSPECIFIED
    assert not shown.HasField("connect_time")


def test_a_transaction_is_shown_with_a_random_name() -> None:
    shown = messages.transaction_out(transaction())
    assert shown.name == "stations/CP%2F1/transactions/tx-abc"
    assert shown.state == stations_pb.Transaction.STATE_ACTIVE
    ended = messages.transaction_out(transaction(state="ENDED", stop_time=NOW))
    assert ended.state == stations_pb.Transaction.STATE_ENDED
    assert ended.HasField("stop_time")
