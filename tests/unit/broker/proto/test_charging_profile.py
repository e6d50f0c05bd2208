"""Charging profiles: their faults, and that they come back as they were."""

import pytest
from evcommand.v1 import charging_profile_pb2 as profile_pb
from evcommand.v1 import remote_command_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from broker.commands import start_session
from broker.proto.charging_profile import profile_in, profile_out
from tests.unit.broker.edges import BAD_TIME, fields_of
from tests.unit.broker.requests import NOW, profile, start


def start_faults(request: pb.StartSessionRequest) -> list[str]:
    return fields_of(start_session.check(request, NOW))


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


def test_a_charging_profile_comes_back_as_it_was() -> None:
    given = profile()
    assert profile_out(profile_in(given)) == given


def test_a_charging_profile_of_the_least_comes_back_with_its_kind() -> None:
    given = profile()
    for field in ("start_time", "duration", "min_charging_rate", "profile_kind"):
        given.ClearField(field)
    shown = profile_out(profile_in(given))
    assert shown is not None
    assert not shown.HasField("duration")
    assert not shown.HasField("min_charging_rate")
    assert shown.profile_kind == 1


def test_a_profile_may_be_without_an_end() -> None:
    assert start_faults(spoiled(duration=None)) == []
