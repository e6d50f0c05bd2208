"""Meter values in other clothes: an object for a list, readings with their unit, empty samples."""

from collections.abc import Mapping
from typing import Any

from station_gateway.dialects.mending import mends
from station_gateway.dialects.mending.mends import Mending, MendKind
from station_gateway.dialects.messages import Payload

_MAX_VALUES = 1_000
"""Samples that one message may have mended, and meter values without any. Each takes some
microseconds; what comes behind is left out."""

_PLAIN = ("measurand", "location", "phase", "format", "context")


def take(mending: Mending, key: str, number: type[float] | type[str]) -> None:
    """Take meter values, without senseless samples. number: how the version writes a reading."""
    given = mending.given.get(key)
    if given is None:
        return
    made, left = [], _MAX_VALUES
    for value in _listed(mending, given, key):
        if left <= 0:
            mending.note(MendKind.SAMPLES, key)
            break
        if not isinstance(value, dict):
            mending.note(MendKind.SAMPLES, key)
            left -= 1
            continue
        inner = Mending(value)
        inner.time("timestamp", needed=False)
        said = value.get("sampledValue", value if "value" in value else [])
        samples = _listed(mending, said, key)
        if len(samples) > left:
            mending.note(MendKind.SAMPLES, key)
        inner.made["sampledValue"] = [
            sample
            for each in samples[:left]
            if (sample := _sample(mending, each, key, number)) is not None
        ]
        left -= max(len(samples), 1)
        made.append(inner.made)
    if made:
        mending.made[key] = made
    else:
        mending.note(MendKind.SAMPLES, key)


def _listed(mending: Mending, value: Any, key: str) -> list[Any]:
    if isinstance(value, list):
        return value
    mending.note(MendKind.SHAPE, key)
    return [] if value is None else [value]


def _sample(
    mending: Mending, sample: Any, key: str, number: type[float] | type[str]
) -> Payload | None:
    if not isinstance(sample, dict):
        sample = {"value": sample}
        mending.note(MendKind.SHAPE, key)
    read = mends.reading(sample.get("value"))
    plain = {name: sample[name] for name in _PLAIN if sample.get(name) is not None}
    if read is None or not all(isinstance(word, str) for word in plain.values()):
        mending.note(MendKind.SAMPLES, key)
        return None
    unit, multiplier = _unit(sample)
    factor = mends.wh_per(read[1]) if read[1] else None
    if type(sample["value"]) is not number and not (number is float and not read[1]):
        mending.note(MendKind.METER, key)
    if factor is not None:
        # The unit in the text is the nearest one. One beside it that differs is not certain.
        if unit and mends.wh_per(unit) != factor:
            mending.note(MendKind.SAMPLES, key)
            return None
        mending.note(MendKind.METER, key)
        return {**plain, "value": number(read[0] * factor), "unit": "Wh"}
    if unit and (scale := mends.wh_per(unit)) is not None:
        return {
            **plain,
            "value": number(read[0] * scale),
            "unitOfMeasure": {"unit": "Wh", "multiplier": multiplier},
        }
    if unit or read[1]:
        plain["unit"] = unit or read[1]
    return {**plain, "value": number(read[0]), "unitOfMeasure": {"multiplier": multiplier}}


def _unit(sample: Mapping[str, Any]) -> tuple[str, int]:
    """The unit's word and its power of ten. 2.x has an object for both."""
    if "unitOfMeasure" not in sample:
        return mends.as_text(sample.get("unit")).strip(), 0
    beside = mends.alone(sample.get("unitOfMeasure"))
    measure = beside if isinstance(beside, dict) else {"unit": beside}
    named = mends.first_of((sample.get("unit"), measure.get("unit")))
    return mends.as_text(named).strip(), mends.whole(measure.get("multiplier")) or 0
