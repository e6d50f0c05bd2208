"""What is wrong with a request is said for every field at once."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from evcommand.v1 import charging_profile_pb2 as profile_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1 import token_service_pb2 as tokens_pb
from evcommand.v1.remote_command_pb2 import Outcome, RemoteCommand
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from broker.errors import Violation
from broker.proto import check_commands as validate
from broker.proto import check_fleet as validate_fleet
from tests.unit.broker.requests import NOW, REQUEST_ID, at, options, profile, start, stop, token

BAD_TIME = Timestamp(seconds=10**15)


def fields_of(violations: Iterable[Violation]) -> list[str]:
    return [violation.field for violation in violations]


def start_faults(request: pb.StartSessionRequest) -> list[str]:
    return fields_of(validate.check_start(request, NOW))


def stop_faults(request: pb.StopSessionRequest) -> list[str]:
    return fields_of(validate.check_stop(request, NOW))


def test_a_plain_start_has_no_faults() -> None:
    assert start_faults(start()) == []


def test_a_start_with_everything_has_no_faults() -> None:
    request = start(
        evse_id=1,
        connector_id=1,
        group_id_token=token("GROUP"),
        reservation="reservations/0123456789abcdef01234567",
        charging_profile=profile(),
        request_id=REQUEST_ID,
        options=options(
            wait_for=3,
            not_after=at(NOW + timedelta(minutes=5)),
            offline_policy=2,
            labels={"team": "desk", "example.com/case": "Ä 1"},
        ),
    )
    assert start_faults(request) == []


def test_every_bad_field_is_named_at_once() -> None:
    request = pb.StartSessionRequest(
        station="CP-1",
        evse_id=0,
        connector_id=-1,
        id_token=token("****1234"),
        request_id="7",
        options=options(wait_for=77, not_after=at(NOW), labels={"Ä": "x" * 256}),
    )
    assert start_faults(request) == [
        "station",
        "evse_id",
        "connector_id",
        "id_token.value",
        "request_id",
        "options.wait_for",
        "options.not_after",
        "options.labels",
        "options.labels",
    ]


def test_a_start_needs_a_station_and_a_token() -> None:
    assert start_faults(pb.StartSessionRequest()) == ["station", "id_token"]


def test_a_connector_needs_its_evse() -> None:
    assert start_faults(start(connector_id=1)) == ["connector_id"]


@pytest.mark.parametrize("value", ["", "x" * 256, "a\nb", "****"])
def test_a_token_must_be_printable_bounded_and_not_masked(value: str) -> None:
    assert start_faults(start(group_id_token=token(value))) == ["group_id_token.value"]


def test_an_unknown_token_type_is_refused() -> None:
    assert start_faults(start(id_token=token(type=99))) == ["id_token.type"]


@pytest.mark.parametrize("name", ["7", "reservations/", "reservations/a/b", "reservations/%zz"])
def test_a_reservation_must_be_a_name(name: str) -> None:
    assert start_faults(start(reservation=name)) == ["reservation"]


@pytest.mark.parametrize("moment", [BAD_TIME, at(NOW), at(NOW + timedelta(days=31))])
def test_not_after_must_be_in_the_near_future(moment: Timestamp) -> None:
    request = start(options=options(not_after=moment))
    assert start_faults(request) == ["options.not_after"]


def test_labels_are_limited_in_number() -> None:
    many = {f"k{index}": "v" for index in range(17)}
    assert start_faults(start(options=options(labels=many))) == ["options.labels"]


def spoiled(**fields: object) -> pb.StartSessionRequest:
    request = start(charging_profile=profile())
    for field, value in fields.items():
        request.charging_profile.ClearField(field)  # type: ignore[arg-type]
        if value is not None:
            given = profile_pb.ChargingProfile(**{field: value})  # type: ignore[arg-type]
            request.charging_profile.MergeFrom(given)
    return request


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (spoiled(rate_unit=None), "rate_unit"),
        (spoiled(rate_unit=9), "rate_unit"),
        (spoiled(profile_kind=9, start_time=None), "profile_kind"),
        (spoiled(profile_kind=1), "start_time"),
        (spoiled(start_time=None), "start_time"),
        (spoiled(start_time=BAD_TIME), "start_time"),
        (spoiled(stack_level=-1), "stack_level"),
        (spoiled(duration=Duration(nanos=1)), "duration"),
        (spoiled(duration=Duration()), "duration"),
        (spoiled(duration=Duration(seconds=10**14)), "duration"),
        (spoiled(min_charging_rate=float("nan")), "min_charging_rate"),
        (spoiled(periods=None), "periods"),
    ],
)
def test_a_bad_charging_profile_names_its_field(
    request_: pb.StartSessionRequest, field: str
) -> None:
    assert start_faults(request_) == [f"charging_profile.{field}"]


def period(seconds: int, limit: float = 1.0, phases: int | None = None) -> object:
    return profile_pb.ChargingSchedulePeriod(
        start_offset=Duration(seconds=seconds), limit=limit, number_phases=phases
    )


@pytest.mark.parametrize(
    ("periods", "field"),
    [
        ([period(1)], "periods[0].start_offset"),
        ([period(0), period(0)], "periods[1].start_offset"),
        ([period(0), period(-5)], "periods[1].start_offset"),
        ([period(0, limit=-1)], "periods[0].limit"),
        ([period(0, phases=4)], "periods[0].number_phases"),
    ],
)
def test_a_bad_period_names_its_field(periods: list[object], field: str) -> None:
    assert start_faults(spoiled(periods=periods)) == [f"charging_profile.{field}"]


def test_too_many_periods_are_refused_and_not_all_looked_at() -> None:
    periods = [period(second, limit=-1) for second in range(1_030)]
    faults = start_faults(spoiled(periods=periods))
    assert faults[0] == "charging_profile.periods"
    assert len(faults) == 1 + 1_024


GOOD_STOPS = [
    stop(transaction="stations/CP-1/transactions/abc"),
    stop(transaction="stations/CP-1/transactions/abc", station="stations/CP-1"),
    stop(start_command=f"commands/{REQUEST_ID}"),
    stop(evse_id=1, station="stations/CP-1"),
    stop(id_token=token(), station="stations/CP-1"),
    stop(reservation="reservations/0123456789abcdef01234567", station="stations/CP-1"),
    stop(transaction_id="-1", station="stations/CP-1"),
]


@pytest.mark.parametrize("request_", GOOD_STOPS, ids=lambda one: str(one.WhichOneof("target")))
def test_each_target_of_a_stop_is_taken(request_: pb.StopSessionRequest) -> None:
    assert stop_faults(request_) == []


@pytest.mark.parametrize(
    ("request_", "faults"),
    [
        (stop(), ["target"]),
        (stop(transaction="transactions/abc"), ["transaction"]),
        (stop(transaction="stations/A/transactions/b", station="stations/B"), ["station"]),
        (stop(start_command="commands/1"), ["start_command"]),
        (stop(evse_id=1), ["station"]),
        (stop(evse_id=0, station="stations/A"), ["evse_id"]),
        (stop(id_token=token(""), station="stations/A"), ["id_token.value"]),
        (stop(reservation="7", station="stations/A"), ["reservation"]),
        (stop(transaction_id="x" * 37, station="stations/A"), ["transaction_id"]),
        (stop(transaction_id="", station="stations/A"), ["transaction_id"]),
    ],
)
def test_a_bad_stop_names_its_fields(request_: pb.StopSessionRequest, faults: list[str]) -> None:
    assert stop_faults(request_) == faults


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("station", "stations/CP%2F1", "stations/CP/1"),
        ("command", f"commands/{REQUEST_ID}", "commands/latest"),
        ("transaction", "stations/A/transactions/b", "stations/A"),
    ],
)
def test_names_are_checked(kind: str, good: str, bad: str) -> None:
    assert validate.check_name("name", kind, good) == ()
    assert fields_of(validate.check_name("name", kind, bad)) == ["name"]


def test_a_cancel_checks_name_and_reason() -> None:
    request = pb.CancelCommandRequest(name="x", reason="y" * 256)
    assert fields_of(validate.check_cancel(request)) == ["name", "reason"]


def test_a_list_checks_every_filter() -> None:
    request = pb.ListCommandsRequest(
        station="x",
        kinds=[RemoteCommand.KIND_RESET, RemoteCommand.KIND_UNSPECIFIED],
        states=[RemoteCommand.STATE_DONE],
        outcome_codes=[Outcome.CODE_UNKNOWN] * 51,
        create_time=pb.TimeRange(start_time=at(NOW), end_time=at(NOW)),
        labels={"": ""},
        page_size=201,
    )
    assert fields_of(validate.check_list_commands(request)) == [
        "station",
        "kinds[1]",
        "outcome_codes",
        "create_time",
        "labels",
        "page_size",
    ]


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        (pb.TimeRange(), ["create_time"]),
        (pb.TimeRange(start_time=BAD_TIME), ["create_time.start_time"]),
        (pb.TimeRange(start_time=at(NOW)), []),
        (pb.TimeRange(end_time=at(NOW)), []),
    ],
)
def test_a_time_range_needs_an_end_that_is_a_time(given: pb.TimeRange, faults: list[str]) -> None:
    request = pb.ListCommandsRequest(create_time=given)
    assert fields_of(validate.check_list_commands(request)) == faults


@pytest.mark.parametrize(
    ("request_", "faults"),
    [
        (pb.WatchCommandsRequest(all=True), []),
        (pb.WatchCommandsRequest(station="stations/A"), []),
        (pb.WatchCommandsRequest(names=[f"commands/{REQUEST_ID}"]), []),
        (pb.WatchCommandsRequest(), ["names"]),
        (pb.WatchCommandsRequest(all=True, station="stations/A"), ["names"]),
        (pb.WatchCommandsRequest(names=["x"]), ["names[0]"]),
        (pb.WatchCommandsRequest(names=[f"commands/{REQUEST_ID}"] * 101), ["names"]),
    ],
)
def test_a_watch_selects_one_thing(request_: pb.WatchCommandsRequest, faults: list[str]) -> None:
    assert fields_of(validate.check_watch(request_)) == faults


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
        (
            stations_pb.CreateStationRequest(
                station_id="a:b",
                location="x" * 256,
                security_profile=3,
                basic_auth_password="short",
            ),
            ["station_id", "location", "security_profile", "basic_auth_password"],
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
    assert fields_of(validate_fleet.check_create_station(request_)) == faults


def test_lists_of_stations_transactions_and_tokens_are_checked() -> None:
    stations = stations_pb.ListStationsRequest(location="x" * 256, page_size=-1)
    assert fields_of(validate_fleet.check_list_stations(stations)) == ["location", "page_size"]
    transactions = stations_pb.ListTransactionsRequest(station="x", page_size=999)
    assert fields_of(validate_fleet.check_list_transactions(transactions)) == [
        "station",
        "page_size",
    ]
    tokens = tokens_pb.ListTokensRequest(page_size=-1)
    assert fields_of(validate_fleet.check_list_tokens(tokens)) == ["page_size"]


def test_a_token_of_the_table_is_checked() -> None:
    bad = tokens_pb.Token(value="", group="\0", expire_time=BAD_TIME)
    bad.type = 44  # type: ignore[assignment]
    bad.status = 44  # type: ignore[assignment]
    request = tokens_pb.PutTokenRequest(token=bad)
    assert fields_of(validate_fleet.check_put_token(request)) == [
        "token.value",
        "token.type",
        "token.status",
        "token.group",
        "token.expire_time",
    ]
    good = tokens_pb.PutTokenRequest(token=tokens_pb.Token(value="A", expire_time=at(NOW)))
    assert validate_fleet.check_put_token(good) == ()
    assert (
        validate_fleet.check_put_token(tokens_pb.PutTokenRequest(token=tokens_pb.Token(value="A")))
        == ()
    )


def test_the_key_of_a_token_is_checked() -> None:
    assert fields_of(validate_fleet.check_token_key(tokens_pb.GetTokenRequest())) == ["value"]
    assert validate_fleet.check_token_key(tokens_pb.DeleteTokenRequest(value="A")) == ()
