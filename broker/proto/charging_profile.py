"""Charging profiles: checked, read and shown. Pure."""

import math

from evcommand.v1 import charging_profile_pb2 as profile_pb

from broker.proto.fields import Findings, enum_value
from broker.proto.times import (
    INT32_MAX,
    moment,
    seconds_in,
    seconds_out,
    time_in,
    time_out,
    whole_seconds,
)
from domain.model.specs import ChargingProfile, SchedulePeriod

MAX_PERIODS = 1024
MAX_STACK_LEVEL = 1000

_RATE_UNITS = {
    profile_pb.CHARGING_RATE_UNIT_W: "W",
    profile_pb.CHARGING_RATE_UNIT_A: "A",
}
_RATE_UNITS_OUT = {word: number for number, word in _RATE_UNITS.items()}
_PROFILE_KINDS = {
    profile_pb.CHARGING_PROFILE_KIND_UNSPECIFIED: "Relative",
    profile_pb.CHARGING_PROFILE_KIND_RELATIVE: "Relative",
    profile_pb.CHARGING_PROFILE_KIND_ABSOLUTE: "Absolute",
}
_PROFILE_KINDS_OUT = {
    "Relative": profile_pb.CHARGING_PROFILE_KIND_RELATIVE,
    "Absolute": profile_pb.CHARGING_PROFILE_KIND_ABSOLUTE,
}


def check_profile(findings: Findings, profile: profile_pb.ChargingProfile) -> None:
    """Note what is wrong with the `charging_profile` of a request."""
    at = "charging_profile"
    rate = profile.rate_unit
    enum_value(findings, f"{at}.rate_unit", rate, profile_pb.ChargingRateUnit)
    findings.expect(rate != 0, f"{at}.rate_unit", "is required")
    enum_value(findings, f"{at}.profile_kind", profile.profile_kind, profile_pb.ChargingProfileKind)
    absolute = profile.profile_kind == profile_pb.CHARGING_PROFILE_KIND_ABSOLUTE
    if absolute:
        known = profile.HasField("start_time") and moment(profile.start_time) is not None
        findings.expect(known, f"{at}.start_time", "is required with ABSOLUTE")
    else:
        findings.expect(
            not profile.HasField("start_time"), f"{at}.start_time", "is allowed with ABSOLUTE only"
        )
    findings.expect(
        0 <= profile.stack_level <= MAX_STACK_LEVEL,
        f"{at}.stack_level",
        f"must be 0 to {MAX_STACK_LEVEL}",
    )
    if profile.HasField("duration"):
        seconds = whole_seconds(profile.duration)
        findings.expect(
            seconds is not None and seconds > 0,
            f"{at}.duration",
            "must be whole seconds, 1 or more",
        )
    findings.expect(
        _is_rate(profile.min_charging_rate), f"{at}.min_charging_rate", "must be 0 or more"
    )
    _periods(findings, profile)


def profile_in(profile: profile_pb.ChargingProfile) -> ChargingProfile:
    """A charging profile as the domain keeps it."""
    has_minimum = profile.HasField("min_charging_rate")
    return ChargingProfile(
        rate_unit=_RATE_UNITS[profile.rate_unit],
        periods=tuple(_period_in(period) for period in profile.periods),
        stack_level=profile.stack_level,
        profile_kind=_PROFILE_KINDS[profile.profile_kind],
        start_schedule=time_in(profile.start_time) if profile.HasField("start_time") else None,
        duration_s=seconds_in(profile.duration) if profile.HasField("duration") else None,
        min_charging_rate=profile.min_charging_rate if has_minimum else None,
    )


def profile_out(profile: ChargingProfile | None) -> profile_pb.ChargingProfile | None:
    """A charging profile as the contract shows it."""
    if profile is None:
        return None
    return profile_pb.ChargingProfile(
        rate_unit=_RATE_UNITS_OUT[profile.rate_unit],
        periods=[_period_out(period) for period in profile.periods],
        stack_level=profile.stack_level,
        profile_kind=_PROFILE_KINDS_OUT[profile.profile_kind],
        start_time=time_out(profile.start_schedule),
        duration=seconds_out(profile.duration_s),
        min_charging_rate=profile.min_charging_rate,
    )


def _periods(findings: Findings, profile: profile_pb.ChargingProfile) -> None:
    at = "charging_profile.periods"
    findings.expect(
        1 <= len(profile.periods) <= MAX_PERIODS, at, f"must be 1 to {MAX_PERIODS} periods"
    )
    previous = -1
    for index, period in enumerate(profile.periods[:MAX_PERIODS]):
        start = whole_seconds(period.start_offset)
        field = f"{at}[{index}]"
        if start is None or start <= previous or (index == 0 and start != 0):
            text = "must be whole seconds, later than the period before; zero for the first"
            findings.expect(False, f"{field}.start_offset", text)
        else:
            previous = start
        findings.expect(_is_rate(period.limit), f"{field}.limit", "must be 0 or more")
        findings.expect(
            not period.HasField("number_phases") or 1 <= period.number_phases <= 3,
            f"{field}.number_phases",
            "must be 1 to 3",
        )


def _is_rate(value: float) -> bool:
    """Whether a limit is a number that OCPP can carry."""
    return math.isfinite(value) and 0 <= value <= INT32_MAX


def _period_in(period: profile_pb.ChargingSchedulePeriod) -> SchedulePeriod:
    return SchedulePeriod(
        start_s=seconds_in(period.start_offset),
        limit=period.limit,
        number_phases=period.number_phases if period.HasField("number_phases") else None,
    )


def _period_out(period: SchedulePeriod) -> profile_pb.ChargingSchedulePeriod:
    return profile_pb.ChargingSchedulePeriod(
        start_offset=seconds_out(period.start_s),
        limit=period.limit,
        number_phases=period.number_phases,
    )
