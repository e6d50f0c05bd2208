"""Stations and their transactions: requests checked, rows of the fleet shown. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from evcommand.v1 import station_service_pb2 as stations_pb
from google.protobuf.duration_pb2 import Duration

from broker.errors import FieldViolation
from broker.proto import fields, names
from broker.proto.fields import Findings
from broker.proto.times import time_out
from domain.evidence.station_clock import read_clock
from domain.model.rotations import Rotation
from domain.ocpp_words import NO_ERROR, told_id
from domain.upstreams import upstream_fault
from fleet.connections import Connection
from fleet.connectors import StationConnector
from fleet.reports import MendedReports
from fleet.stations import Station
from fleet.transactions.rows import Transaction

_BOOT = stations_pb.Station.BootState
_LOSSES = stations_pb.Station.UpstreamLoss
_LOSS_PREFIX, _BY_SETTING = "UPSTREAM_LOSS_", "UNSPECIFIED"
_STATION_ID_CHARS = 48
_PASSWORD = re.compile(r"[\x21-\x7e]{16,40}")


def check_create(request: stations_pb.CreateStationRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a CreateStation."""
    findings = Findings()
    findings.expect(
        _is_station_id(request.station_id),
        "station_id",
        "must be 1 to 48 printable characters (in Unicode's composed form, NFC), without a space "
        'at its begin or end, and not "." or ".."',
    )
    fields.text_field(findings, "location", request.location)
    profile = request.security_profile if request.HasField("security_profile") else 1
    _profile_field(findings, "security_profile", profile)
    fields.label_map(findings, "labels", dict(request.labels))
    _password_field(findings, request.basic_auth_password)
    return findings.violations


def check_rotate(
    request: stations_pb.RotateStationPasswordRequest,
) -> tuple[FieldViolation, ...]:
    """What is wrong with a RotateStationPassword."""
    findings = Findings()
    fields.name_field(findings, "name", "station", request.name)
    _password_field(findings, request.basic_auth_password)
    return findings.violations


def _password_field(findings: Findings, password: str) -> None:
    findings.expect(
        not password or _PASSWORD.fullmatch(password) is not None,
        "basic_auth_password",
        "must be 16 to 40 characters of printable ASCII without spaces; leave it out to have a "
        "strong one made",
    )


def _profile_field(findings: Findings, field: str, profile: int) -> None:
    findings.expect(
        1 <= profile <= 3,
        field,
        "must be 1 (password), 2 (TLS and password) or 3 (TLS and the station's certificate)",
    )


@dataclass(frozen=True)
class StationChange:
    """What an UpdateStation changes. None: stays as it is."""

    location: str | None = None
    labels: dict[str, str] | None = None
    security_profile: int | None = None
    upstream: str | None = None
    upstream_loss: str | None = None


CHANGEABLE = ("location", "labels", "security_profile", "upstream", "upstream_loss")
"""The fields of a station that UpdateStation changes."""


def check_update(request: stations_pb.UpdateStationRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with an UpdateStation."""
    findings = Findings()
    given, paths = request.station, request.update_mask.paths
    fields.name_field(findings, "station.name", "station", given.name)
    findings.expect(
        set(paths) <= {*CHANGEABLE, "*"},
        "update_mask",
        f"may name {', '.join(CHANGEABLE)}, or * for all of them; nothing else can be changed",
    )
    change = change_in(request)
    findings.expect(
        change != StationChange(),
        "update_mask",
        "names no field, and none is given: what to change",
    )
    fields.text_field(findings, "station.location", change.location or "")
    fields.label_map(findings, "station.labels", change.labels or {})
    if change.upstream and (fault := upstream_fault(change.upstream)):
        findings.expect(False, "station.upstream", fault)
    findings.expect(
        given.upstream_loss in _LOSSES.values(),
        "station.upstream_loss",
        f"must be one of {', '.join(_LOSSES.keys())}",
    )
    if change.security_profile is not None:
        _profile_field(findings, "station.security_profile", change.security_profile)
    return findings.violations


def change_in(request: stations_pb.UpdateStationRequest) -> StationChange:
    """What an UpdateStation changes. Without a mask: each field that is not empty (AIP-134)."""
    given, paths = request.station, set(request.update_mask.paths)
    if "*" in paths:
        paths = set(CHANGEABLE)
    elif not paths:
        paths = {name for name in CHANGEABLE if getattr(given, name)}
    return StationChange(
        location=given.location if "location" in paths else None,
        labels=dict(given.labels) if "labels" in paths else None,
        security_profile=given.security_profile if "security_profile" in paths else None,
        upstream=given.upstream if "upstream" in paths else None,
        upstream_loss=_loss_in(given.upstream_loss) if "upstream_loss" in paths else None,
    )


def _loss_in(loss: int) -> str:
    """As it is stored: `mirror`, `hold`, or "" as the settings say."""
    if loss not in _LOSSES.values():
        return ""
    word = _LOSSES.Name(loss).removeprefix(_LOSS_PREFIX).lower()  # type: ignore[arg-type]
    return "" if word == _BY_SETTING.lower() else word


def _is_station_id(text: str) -> bool:
    """Whether a station can be registered by this identity.

    OCPP 1.6 allows whatever can be escaped in a URL, and stations use it (`RDAM 123`). OCPP 2.x
    allows a-z, A-Z, 0-9 and `*-_=:+|@.` and 48 characters. A space at an end cannot be seen, dots
    alone are taken out of a URL on its way, and a letter has one form.
    """
    return (
        1 <= len(text) <= _STATION_ID_CHARS
        and text.isprintable()
        and text == text.strip()
        and text not in {".", ".."}
        and unicodedata.is_normalized("NFC", text)
    )


def check_list(request: stations_pb.ListStationsRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a ListStations."""
    findings = Findings()
    fields.text_field(findings, "location", request.location)
    fields.text_field(findings, "ocpp_version", request.ocpp_version)
    fields.page_size_field(findings, request.page_size)
    return findings.violations


def check_list_transactions(
    request: stations_pb.ListTransactionsRequest,
) -> tuple[FieldViolation, ...]:
    """What is wrong with a ListTransactions."""
    findings = Findings()
    fields.station_field(findings, request.station, required=False)
    fields.page_size_field(findings, request.page_size)
    return findings.violations


def station_out(
    station: Station,
    held: Connection | None,
    connectors: Iterable[StationConnector],
    pending: Iterable[str] = (),
    mended: Iterable[MendedReports] = (),
    *,
    quarantine_end: datetime | None = None,
    rotation: Rotation | None = None,
) -> stations_pb.Station:
    """A station as the contract shows it.

    pending: request ids of commands that go on. quarantine_end: None when it is in none.
    rotation: the newest one of its password; None when there was none, or it is not shown.
    """
    boot_state = station.boot_state or "UNSPECIFIED"
    return stations_pb.Station(
        name=names.station_name(station.id),
        location=station.location,
        ocpp_version=held.ocpp_version if held else station.ocpp_version,
        vendor=station.vendor,
        model=station.model,
        serial_number=station.serial_number,
        firmware_version=station.firmware_version,
        connected=held is not None,
        gateway=held.gateway if held else "",
        connect_time=time_out(held.connected_time) if held else None,
        last_seen_time=time_out(station.last_seen_time),
        boot_state=_BOOT.Value(f"BOOT_STATE_{boot_state}"),
        boot_time=time_out(station.boot_time),
        security_profile=station.security_profile,
        registered=station.registered,
        create_time=time_out(station.create_time),
        evses=_evses(connectors),
        pending_commands=[names.command_name(command) for command in pending],
        mended_reports=[_mended(one) for one in mended],
        clocks=_clocks(station),
        quarantine_end_time=time_out(quarantine_end),
        labels=station.labels or {},
        upstream=station.upstream,
        upstream_loss=_LOSSES.Value(
            f"{_LOSS_PREFIX}{station.upstream_loss.upper() or _BY_SETTING}"
        ),
        password_rotation=None if rotation is None else _rotation(rotation),
    )


def _rotation(rotation: Rotation) -> stations_pb.PasswordRotation:
    return stations_pb.PasswordRotation(
        state=stations_pb.PasswordRotation.State.Value(f"STATE_{rotation.state.value}"),
        sends=rotation.sends,
        answer=rotation.answer,
        request_time=time_out(rotation.request_time),
        send_time=time_out(rotation.sent_time),
        answer_time=time_out(rotation.answer_time),
        end_time=time_out(rotation.end_time),
        due_time=time_out(rotation.due_time),
    )


def _clocks(station: Station) -> list[stations_pb.StationClock]:
    """What is known of its clocks, to the millisecond."""
    known = read_clock(station.clock)
    return [
        stations_pb.StationClock(
            local=local,
            offset=_span(clock.offset_s),
            spread=_span(clock.spread_s),
        )
        for local, clock in ((False, known.zoned), (True, known.bare))
        if clock.offset_s is not None
    ]


def _span(seconds: float) -> Duration:
    span = Duration()
    span.FromMilliseconds(round(seconds * 1_000))
    return span


def _mended(mended: MendedReports) -> stations_pb.MendedReport:
    return stations_pb.MendedReport(
        action=mended.action,
        kind=mended.kind,
        field=mended.field,
        count=mended.times,
        first_time=time_out(mended.first_time),
        last_time=time_out(mended.last_time),
    )


def transaction_out(transaction: Transaction) -> stations_pb.Transaction:
    """A transaction as the contract shows it."""
    active = transaction.state == "ACTIVE"
    return stations_pb.Transaction(
        name=names.transaction_name(transaction.station, transaction.name),
        transaction_id=told_id(transaction.ocpp_transaction_id),
        station=names.station_name(transaction.station),
        evse_id=transaction.evse_id,
        connector_id=transaction.connector_id,
        masked_id_token=transaction.token_masked or "",
        state=stations_pb.Transaction.STATE_ACTIVE
        if active
        else stations_pb.Transaction.STATE_ENDED,
        charging_state=transaction.charging_state or "",
        start_time=time_out(transaction.start_time),
        stop_time=time_out(transaction.stop_time),
        meter_start_wh=transaction.meter_start_wh,
        meter_stop_wh=transaction.meter_stop_wh,
        stop_reason=transaction.stop_reason or "",
        offline=transaction.offline,
        clock_suspect=transaction.clock_suspect,
        receive_time=time_out(transaction.received_time),
        end_not_reported=transaction.end_unreported and transaction.stop_time is None,
    )


def _evses(connectors: Iterable[StationConnector]) -> list[stations_pb.Evse]:
    """OCPP numbers a station's whole as EVSE 0 and an EVSE's whole as connector 0: not shown."""
    parts = sorted(
        (one for one in connectors if one.evse_id > 0),
        key=lambda one: (one.evse_id, one.connector_id),
    )
    return [
        stations_pb.Evse(
            evse_id=evse_id,
            connectors=[_connector(one) for one in group if one.connector_id > 0],
        )
        for evse_id, group in groupby(parts, key=lambda one: one.evse_id)
    ]


def _connector(connector: StationConnector) -> stations_pb.Connector:
    return stations_pb.Connector(
        connector_id=connector.connector_id,
        type=connector.type,
        state=connector.status,
        error_code="" if connector.error_code == NO_ERROR else connector.error_code,
        state_time=time_out(connector.status_time),
    )
