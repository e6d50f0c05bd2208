"""Requests for lists, watches and names of commands: their faults, and how they are read."""

from datetime import timedelta

import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1.remote_command_pb2 import Outcome, RemoteCommand

from broker.proto import commands
from broker.proto.fields import check_name
from fleet.log.event_log import Filter
from tests.unit.broker.edges import BAD_TIME, fields_of
from tests.unit.broker.requests import NOW, REQUEST_ID, at


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("station", "stations/CP%2F1", "stations/CP/1"),
        ("command", f"commands/{REQUEST_ID}", "commands/latest"),
        ("transaction", "stations/A/transactions/b", "stations/A"),
    ],
)
def test_names_are_checked(kind: str, good: str, bad: str) -> None:
    assert check_name("name", kind, good) == ()
    assert fields_of(check_name("name", kind, bad)) == ["name"]


def test_a_cancel_checks_name_and_reason() -> None:
    request = pb.CancelCommandRequest(name="x", reason="y" * 256)
    assert fields_of(commands.check_cancel(request)) == ["name", "reason"]


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
    assert fields_of(commands.check_list(request)) == [
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
    assert fields_of(commands.check_list(request)) == faults


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
    assert fields_of(commands.check_watch(request_)) == faults


def test_list_filters_are_read() -> None:
    request = pb.ListCommandsRequest(
        station="stations/CP-1",
        kinds=[RemoteCommand.KIND_STOP_SESSION],
        states=[RemoteCommand.STATE_DONE],
        outcome_codes=[Outcome.CODE_NOT_SENT],
        create_time=pb.TimeRange(start_time=at(NOW), end_time=at(NOW + timedelta(days=1))),
        labels={"a": "b"},
    )
    assert commands.filter_in(request, "t") == Filter(
        tenant="t",
        station="CP-1",
        kinds=["STOP_SESSION"],
        states=["DONE"],
        outcome_codes=["NOT_SENT"],
        created_from=NOW,
        created_to=NOW + timedelta(days=1),
        labels={"a": "b"},
    )
    assert commands.filter_in(pb.ListCommandsRequest(), "t") == Filter(
        "t", kinds=[], states=[], outcome_codes=[]
    )


def test_a_watch_selection_is_read() -> None:
    named = pb.WatchCommandsRequest(names=[f"commands/{REQUEST_ID}"])
    assert commands.watched_in(named, "t").names == [REQUEST_ID]
    of_station = pb.WatchCommandsRequest(station="stations/A")
    assert commands.watched_in(of_station, "t").station == "A"


def test_a_list_without_filters_has_no_faults() -> None:
    assert commands.check_list(pb.ListCommandsRequest()) == ()
