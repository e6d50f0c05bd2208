"""The kinds of mends, and the values of a station in other clothes.

A value is taken for what it certainly means. Where two readings are possible, it is taken for none.
So no mend invents a fact, and no token becomes the token of another driver.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from typing import Any

from station_gateway.dialects.fields import INT32_MAX
from station_gateway.dialects.messages import Payload


class MendKind(StrEnum):
    """What was mended in a message. Closed: it is a metric's label and a key of the database."""

    FRAME_TEXT = "FRAME_TEXT"
    KEY_TWICE = "KEY_TWICE"
    SHAPE = "SHAPE"
    NUMBER = "NUMBER"
    METER = "METER"
    SAMPLES = "SAMPLES"
    TIME = "TIME"
    TOKEN = "TOKEN"  # noqa: S105 - the name of a kind
    WORD = "WORD"
    SESSION_ID = "SESSION_ID"
    FIELD_ABSENT = "FIELD_ABSENT"


Mends = Mapping[MendKind, str]
"""What was mended: each kind with the field where it was first, "" for the frame itself."""

NO_MENDS: Mends = {}

LONGEST_ID = 255
"""Identifiers are kept whole up to here; a cut one would be the identifier of something else."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}(?:[.,]0*)?")
_READING = re.compile(r"([+-]?)([0-9.,]{1,40})(?:[eE]([+-]?[0-9]{1,2}))?\s*([^\s0-9].{0,15})?")
_DECIMAL = re.compile(r"[0-9]+|[0-9]*\.[0-9]+|[0-9]+\.")
_WH = {
    "wh": 1.0,
    "watthour": 1.0,
    "watthours": 1.0,
    "kwh": 1e3,
    "ws": 1 / 3600,
    "j": 1 / 3600,
    "kj": 1 / 3.6,
}
_EPOCH_S = (10**9, 4 * 10**9)
_GONE = "\N{REPLACEMENT CHARACTER}"


def whole(value: Any) -> int | None:
    """A whole number in any clothes; None when it is no certain number."""
    value = alone(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else None
    if isinstance(value, str):
        text = value.strip()
        if _INTEGER.fullmatch(text):
            return int(text.replace(",", ".").partition(".")[0])
    return None


def number_id(value: Any) -> int | None:
    """An id or a counter, 0 to 2**31 - 1; None for all else: -1 is none."""
    number = whole(value)
    return number if number is not None and 0 <= number <= INT32_MAX else None


def alone(value: Any) -> Any:
    """The value itself, taken out of a list that holds nothing else."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def reading(value: Any) -> tuple[float, str] | None:
    """A meter's number and its unit ("" when none is named); None when it is no certain number."""
    value = alone(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return (float(value), "") if abs(value) < 10**18 and isfinite(value) else None
    match = _READING.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    digits = _point(match[2])
    if digits is None:
        return None
    number = float(f"{match[1]}{digits}e{match[3] or 0}")
    return (number, (match[4] or "").strip()) if isfinite(number) else None


def _point(digits: str) -> str | None:
    """The digits with a decimal point; None when a comma may separate thousands or a fraction."""
    point, comma = digits.rfind("."), digits.rfind(",")
    if comma >= 0 and point >= 0:
        # Both: the last one separates the fraction, the other one the thousands.
        fraction, thousands = (",", ".") if comma > point else (".", ",")
        head, _, tail = digits.rpartition(fraction)
        groups = head.split(thousands)
        if not all(len(group) == 3 for group in groups[1:]):
            return None
        digits = f"{''.join(groups)}.{tail}"
    elif comma >= 0:
        if len(digits) - comma - 1 == 3 and digits[:comma].strip("0"):
            return None
        digits = digits.replace(",", ".")
    return digits if _DECIMAL.fullmatch(digits) else None


def energy_wh(value: Any) -> float | None:
    """An energy in Wh from a number, or from a text with a unit; None when it is not certain."""
    read = reading(value)
    if read is None:
        return None
    factor = wh_per(read[1]) if read[1] else 1.0
    return None if factor is None else read[0] * factor


def wh_per(unit: str) -> float | None:
    """How many Wh the unit has; None when it is none of energy. "mWh" is not certain."""
    plain = unit.replace(" ", "").replace("·", "").replace("*", "").replace(".", "")
    if plain in ("MWh", "MJ"):
        return 1e6 if plain == "MWh" else 1e6 / 3600
    return _WH.get(plain.casefold())


def clean_token(value: str) -> str:
    """A token without what surrounds it: blanks and control characters at its ends.

    What stands inside stays, made visible: without it the token might be another driver's. For the
    same reason a token that is too long for every version is not cut, but marked as a fragment.
    """
    if value.isprintable() and not value[:1].isspace() and not value[-1:].isspace():
        text = value
    else:
        begin, end = 0, len(value)
        while begin < end and _is_dirt(value[begin]):
            begin += 1
        while begin < end and _is_dirt(value[end - 1]):
            end -= 1
        text = "".join(char if char.isprintable() else _GONE for char in value[begin:end])
    return text if len(text) <= LONGEST_ID else text[: LONGEST_ID - 1] + _GONE


def _is_dirt(char: str) -> bool:
    return char.isspace() or not char.isprintable()


class Mending:
    """Builds the payload of one message anew, and notes what had to be mended."""

    __slots__ = ("found", "given", "made")

    def __init__(self, given: Payload) -> None:
        self.given = given
        self.made: Payload = {}
        self.found: dict[MendKind, str] = {}

    def note(self, kind: MendKind, field: str) -> None:
        """Something was mended here."""
        self.found.setdefault(kind, field)

    def has(self, key: str) -> bool:
        """Whether the station said anything under this name. null, "", [] and {} are nothing."""
        return self.given.get(key) not in (None, "", [], {})

    def object(self, key: str) -> Payload:
        """The object under this name, {} when there is none."""
        value = self.given.get(key)
        if isinstance(value, dict):
            return value
        inner = alone(value)
        if value is not None:
            self.note(MendKind.SHAPE, key)
        return inner if isinstance(inner, dict) else {}

    def id(self, key: str, kind: MendKind = MendKind.NUMBER) -> int | None:
        """Take an id or a counter; it is left out when it is none."""
        value = self.given.get(key)
        number = number_id(value)
        if number is not None:
            self.made[key] = number
        if value is not None and (type(value) is not int or number is None):
            self.note(kind, key)
        return number

    def energy(self, key: str) -> None:
        """Take a register in Wh, a fraction rounded; it is left out when it is none."""
        value = self.given.get(key)
        wh = energy_wh(value)
        if wh is not None and abs(wh) < 2**62:
            self.made[key] = round(wh)
        if type(value) is not int:
            self.note(MendKind.METER, key)

    def time(self, key: str, *, needed: bool = True) -> None:
        """Take a time. "" stands for one that nobody can read: it will be ours, and suspect."""
        value = alone(self.given.get(key))
        if isinstance(value, str) and value.strip():
            self.made[key] = value.strip()
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self.made[key] = _from_epoch(value)
            self.note(MendKind.TIME, key)
        elif needed or value is not None:
            self.made[key] = ""

    def text(self, key: str) -> str:
        """Take a text; it is left out when it is none. A number counts as its digits."""
        value = alone(self.given.get(key))
        text = as_text(value)
        if text:
            self.made[key] = text
        if value is not None and not isinstance(value, str):
            self.note(MendKind.SHAPE, key)
        return text

    def word(self, key: str, known: Mapping[str, str]) -> str:
        """Take a word of an enumeration in its proper spelling; an unknown word stays as it is."""
        said = self.text(key).strip()
        word = known.get(folded(said), said)
        if word:
            self.made[key] = word
        if word != as_text(self.given.get(key)):
            self.note(MendKind.WORD, key)
        return word

    def flag(self, key: str) -> None:
        """Take a boolean; it is left out when it is none."""
        value = alone(self.given.get(key))
        truth = _TRUTH.get(str(value).strip().lower())
        if truth is not None:
            self.made[key] = truth
        if value is not None and not isinstance(value, bool):
            self.note(MendKind.SHAPE, key)


_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def as_text(value: Any) -> str:
    """A text, or the digits of a number; "" for all else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def folded(word: str) -> str:
    """A word without case and separators, for comparing."""
    return word.casefold().replace(" ", "").replace("_", "").replace("-", "")


def words(*spelled: str) -> Mapping[str, str]:
    """The words of an enumeration by their folded form."""
    return {folded(word): word for word in spelled}


def _from_epoch(value: float) -> str:
    """The time that counts seconds or milliseconds since 1970; "" when it is neither."""
    for seconds in (value, value / 1000):
        if _EPOCH_S[0] <= seconds < _EPOCH_S[1]:
            return datetime.fromtimestamp(seconds, UTC).isoformat()
    return ""


def first_of(values: Iterable[Any]) -> Any:
    """The first value that says something; None when none does."""
    return next((value for value in values if value not in (None, "", [], {})), None)
