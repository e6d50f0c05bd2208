"""Reading and writing single fields: times, numbers, meter readings. Shared by all dialects.

Every value of a station is bounded here: times lie between 400 days before and one day after our
time, ids fit into 32 bits, energy is a plausible register, strings are printable and cut.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

import orjson

from station_gateway.dialects.messages import CallRefused, StationTime, Unsendable
from station_gateway.dialects.printable import printable

OLDEST = timedelta(days=400)
NEWEST = timedelta(days=1)
INT32_MAX = 2**31 - 1
MAX_ENERGY_WH = 10**12
MAX_TIMEOUT_S = 86_400.0

ENERGY_REGISTER = "Energy.Active.Import.Register"
POWER = "Power.Active.Import"
_OUTLET_SIDE = frozenset({"Outlet", "Inlet"})
_WH_PER_UNIT = {"Wh": 1.0, "kWh": 1000.0}
_W_PER_UNIT = {"W": 1.0, "kW": 1000.0}
_MAX_MULTIPLIER = 12
_DATE = r"(?P<year>\d{4})-?(?P<month>\d\d)-?(?P<day>\d\d)"
_CLOCK = r"(?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
_ZONE = r"(?P<zone>[Zz]|(?P<sign>[+-])(?P<zone_hour>\d\d)(?::?(?P<zone_minute>\d\d))?)"
_TIME = re.compile(rf"\s*{_DATE}(?:[Tt]|\s+){_CLOCK}\s*{_ZONE}?\s*", re.ASCII)
_LONGEST_TIME = 64
"""Longer texts are no times. It bounds what parsing costs."""

_SECONDS_Z = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


def text(payload: Mapping[str, Any], key: str, limit: int) -> str:
    """A string field, clean and cut; "" when it is absent."""
    value = payload.get(key)
    return "" if value is None else printable(str(value), limit)


def optional_text(payload: Mapping[str, Any], key: str) -> str:
    """A string field as it came; "" when it is absent. For what is cleaned elsewhere."""
    value = payload.get(key)
    return "" if value is None else str(value)


def number(payload: Mapping[str, Any], key: str, code: str) -> int:
    """A required id or counter, 0 to 2**31 - 1. Raises: CallRefused with `code`."""
    return bounded(payload[key], key, code)


def optional_number(payload: Mapping[str, Any], key: str, code: str) -> int | None:
    """As `number`, None when the field is absent."""
    value = payload.get(key)
    return None if value is None else bounded(value, key, code)


def bounded(value: float, key: str, code: str) -> int:
    """`value` when it lies within 0 to 2**31 - 1. Raises: CallRefused with `code`."""
    if 0 <= value <= INT32_MAX:
        return int(value)
    raise CallRefused(code, f"{key}: out of range")


def sendable(value: int, lowest: int, name: str) -> int:
    """`value` when we may write it as the id `name`. Raises: Unsendable."""
    if lowest <= value <= INT32_MAX:
        return value
    raise Unsendable(f"{name}: OCPP takes {lowest} to {INT32_MAX}")


def energy(value: float) -> tuple[int, bool]:
    """The register in Wh, within 0 and `MAX_ENERGY_WH`, and whether it was changed for that."""
    if 0 <= value <= MAX_ENERGY_WH:
        return int(value), False
    return (0 if value < 0 else MAX_ENERGY_WH), True


def read_time(value: str | None, now: datetime) -> StationTime:
    """The station's time when it is believable, else our time, marked as suspect.

    An absent time is not suspect: the message happened now. A time without an offset is read as UTC
    and marked (`zoned`): it may be local time. RFC 3339 and ISO 8601 are read as stations write
    them: small letters, a space for the T, a comma, 24:00:00, a leap second.
    """
    if value is None:
        return StationTime(now)
    try:
        time, zoned = _instant(value)
        skew = time - now
    except (ValueError, OverflowError):
        return StationTime(now, suspect=True)
    believable = -OLDEST <= skew <= NEWEST
    return StationTime(
        time if believable else now,
        suspect=not believable,
        raw_skew_s=skew.total_seconds(),
        zoned=zoned,
    )


def _instant(value: str) -> tuple[datetime, bool]:
    """The time that the text tells, in UTC, and whether it names its offset from UTC.

    Raises: ValueError, OverflowError when it tells none.
    """
    if len(value) > _LONGEST_TIME:
        raise ValueError("too long for a time")
    told = _TIME.fullmatch(value)
    if told is None:
        time = datetime.fromisoformat(value)
        zoned = time.tzinfo is not None
        return (time.astimezone(UTC) if zoned else time.replace(tzinfo=UTC)), zoned
    day = datetime(int(told["year"]), int(told["month"]), int(told["day"]), tzinfo=UTC)
    hour, minute, second = (int(told[name] or 0) for name in ("hour", "minute", "second"))
    if minute > 59 or second > 60 or (hour, minute, second) > (24, 0, 0):
        raise ValueError("no time of day")
    microseconds = int((told["fraction"] or "0")[:6].ljust(6, "0"))
    time = day + timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microseconds)
    return time - _offset(told), told["zone"] is not None


def _offset(told: re.Match[str]) -> timedelta:
    """The offset from UTC that a time names; none for Z and for a time without one."""
    ahead = timedelta(hours=int(told["zone_hour"] or 0), minutes=int(told["zone_minute"] or 0))
    if ahead >= timedelta(days=1):
        raise ValueError("no offset")
    return -ahead if told["sign"] == "-" else ahead


def write_time(time: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, the spelling that every station's parser takes."""
    if time.tzinfo is not UTC:
        time = time.astimezone(UTC)
    return orjson.dumps(time, option=_SECONDS_Z)[1:-1].decode()


def write_end(time: datetime) -> str:
    """The same of an end that was promised: the next whole second, so that it is not earlier."""
    return write_time(time + timedelta(microseconds=-time.microsecond % 1_000_000))


def timeout_s(value: object) -> float | None:
    """A timeout in seconds that a station reports as text; None when it is no usable number."""
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return seconds if 0 < seconds <= MAX_TIMEOUT_S else None


def registers_of(meter_values: Iterable[Mapping[str, Any]]) -> list[int]:
    """The energy registers of all meter values, in Wh and in order."""
    return [wh for value in meter_values for wh in registers_wh(value.get("sampledValue", ()))]


def registers_wh(samples: Iterable[Mapping[str, Any]]) -> list[int]:
    """The energy registers among sampled values, in Wh and in order.

    Values of the whole connection are taken as they are. Where only values per phase exist, they
    are added up. Readings of the car, in another unit, or without a number are left out.
    """
    whole: list[int] = []
    phases = 0.0
    for sample in samples:
        if sample.get("measurand", ENERGY_REGISTER) != ENERGY_REGISTER:
            continue
        if sample.get("location", "Outlet") not in _OUTLET_SIDE:
            continue
        wh = _wh(sample)
        if wh is None:
            continue
        if "phase" in sample:
            phases += wh
        else:
            whole.append(round(wh))
    if not whole and 0 < phases <= MAX_ENERGY_WH:
        whole.append(round(phases))
    return whole


def power_w(meter_value: Mapping[str, Any]) -> float | None:
    """The power that flows to the car in one meter value, in W; None when it tells none."""
    told = [
        (watts, "phase" in sample)
        for sample in meter_value.get("sampledValue", ())
        if sample.get("measurand") == POWER
        and sample.get("location", "Outlet") in _OUTLET_SIDE
        and (watts := _reading(sample, _W_PER_UNIT, "W")) is not None
    ]
    whole = [watts for watts, of_phase in told if not of_phase]
    return max(whole) if whole else (sum(watts for watts, _ in told) if told else None)


def _wh(sample: Mapping[str, Any]) -> float | None:
    return _reading(sample, _WH_PER_UNIT, "Wh")


def _reading(sample: Mapping[str, Any], units: Mapping[str, float], usual: str) -> float | None:
    """One reading: 1.6 has text and `unit`, 2.x a number and `unitOfMeasure`."""
    if sample.get("format") == "SignedData":
        return None
    unit = sample.get("unitOfMeasure", {})
    named = sample.get("unit") or unit.get("unit", usual)
    factor = units.get(named) if isinstance(named, str) else None
    multiplier = unit.get("multiplier", 0)
    if factor is None or abs(multiplier) > _MAX_MULTIPLIER:
        return None
    try:
        wh = float(sample["value"]) * factor * 10.0 ** int(multiplier)
    except ValueError:
        return None
    return wh if isfinite(wh) and 0 <= wh <= MAX_ENERGY_WH else None
