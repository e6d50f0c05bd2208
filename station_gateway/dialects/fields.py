"""Reading and writing single fields: times, numbers, meter readings. Shared by all dialects.

Every value of a station is bounded here: times lie between 400 days before and one day after our
time, ids fit into 32 bits, energy is a plausible register, strings are printable and cut.
"""

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
_OUTLET_SIDE = frozenset({"Outlet", "Inlet"})
_WH_PER_UNIT = {"Wh": 1.0, "kWh": 1000.0}
_MAX_MULTIPLIER = 12
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

    An absent time is not suspect: the message happened now. A time without an offset is UTC.
    """
    if value is None:
        return StationTime(now)
    try:
        time = datetime.fromisoformat(value)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        skew = time - now
    except (ValueError, OverflowError):
        return StationTime(now, suspect=True)
    if -OLDEST <= skew <= NEWEST:
        return StationTime(time, raw_skew_s=skew.total_seconds())
    return StationTime(now, suspect=True, raw_skew_s=skew.total_seconds())


def write_time(time: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, the spelling that every station's parser takes."""
    if time.tzinfo is not UTC:
        time = time.astimezone(UTC)
    return orjson.dumps(time, option=_SECONDS_Z)[1:-1].decode()


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


def _wh(sample: Mapping[str, Any]) -> float | None:
    """One reading in Wh: 1.6 has text and `unit`, 2.x a number and `unitOfMeasure`."""
    if sample.get("format") == "SignedData":
        return None
    unit = sample.get("unitOfMeasure", {})
    factor = _WH_PER_UNIT.get(sample.get("unit") or unit.get("unit", "Wh"))
    multiplier = unit.get("multiplier", 0)
    if factor is None or abs(multiplier) > _MAX_MULTIPLIER:
        return None
    try:
        wh = float(sample["value"]) * factor * 10.0 ** int(multiplier)
    except ValueError:
        return None
    return wh if isfinite(wh) and 0 <= wh <= MAX_ENERGY_WH else None
