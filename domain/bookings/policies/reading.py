"""A policy as its operator writes it: a table of words and numbers, read strictly. Pure.

The table is what a TOML or JSON file holds. A key that nobody knows is an error, because a rule
that is not read is a rule that does not hold. Each error names the place and what may stand there.

Spans are written as "90m", "2h", "3d" or "0m"; parts of a day as "07:00-12:30"; days as "MON-FRI"
or a list of them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from domain.bookings.policies.local_time import Period
from domain.bookings.policies.policy import (
    EVERYBODY,
    Ahead,
    BookingPolicy,
    Concurrent,
    Cutoff,
    Daily,
    DisplaceFirst,
    Grid,
    LadderAct,
    LadderStep,
    Length,
    Occasion,
    Per,
    PlaceShare,
    Price,
    Quota,
    QuotaUnit,
    Rule,
    Term,
    WaitlistTerms,
    Weekday,
    Window,
)

MOST_RULES = 100
"""How many rules a policy has at most."""

LONGEST = timedelta(days=366)
"""The longest span that a policy may name."""

_SPAN = re.compile(r"(\d{1,9})([smhd])")
_SPAN_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_PART = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

Word = TypeVar("Word", bound=StrEnum)


class PolicyError(ValueError):
    """What is wrong with a policy, where, and what may stand there instead."""


@dataclass
class Table:
    """A table of the file, of which each key is taken once. where: its place, for errors.

    Each method takes one key. Raises: PolicyError when its value is not of the kind.
    """

    where: str
    values: dict[str, Any]

    @classmethod
    def of(cls, where: str, value: Any) -> "Table":
        """The table that a value is."""
        if not isinstance(value, dict):
            raise PolicyError(f"{where}: expected a table.")
        return cls(where, dict(value))

    def take(self, key: str, default: Any = None) -> Any:
        """Whatever stands there."""
        return self.values.pop(key, default)

    def needed(self, key: str) -> Any:
        """Whatever stands there, and something has to."""
        if key not in self.values:
            raise PolicyError(f"{self.where}: `{key}` is missing.")
        return self.values.pop(key)

    def span(self, key: str, default: timedelta | None = None) -> timedelta | None:
        """A span; the default when there is none."""
        value = self.take(key)
        return default if value is None else _span(f"{self.where}.{key}", value)

    def number(self, key: str) -> int:
        """A whole number, and there has to be one."""
        value = self.needed(key)
        if type(value) is not int or not 0 <= value <= 1_000_000:
            raise PolicyError(f"{self.where}.{key}: expected a whole number from 0 to 1000000.")
        return value

    def word(self, key: str, words: type[Word], default: Word | None = None) -> Word:
        """One of some words; one has to be there when there is no default."""
        value = self.needed(key) if default is None else self.take(key, default)
        return _word(f"{self.where}.{key}", value, words)

    def table(self, key: str) -> "Table":
        """A table, and there has to be one."""
        return Table.of(f"{self.where}.{key}", self.needed(key))

    def items(self, key: str) -> list[Any]:
        """A list; an empty one when there is none."""
        value = self.take(key, [])
        if not isinstance(value, list):
            raise PolicyError(f"{self.where}.{key}: expected a list.")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A text; one has to be there when there is no default."""
        value = self.needed(key) if default is None else self.take(key, default)
        if not isinstance(value, str) or len(value) > 500:
            raise PolicyError(f"{self.where}.{key}: expected a text of at most 500 characters.")
        return value

    def end(self) -> None:
        """Raises: PolicyError when a key is left that nobody took."""
        if self.values:
            unknown = ", ".join(f"`{key}`" for key in sorted(self.values))
            raise PolicyError(f"{self.where}: nothing is known of {unknown}.")


def policy_of(values: Mapping[str, Any]) -> BookingPolicy:
    """The policy in a table. Raises: PolicyError."""
    table = Table.of("policy", dict(values))
    plain = BookingPolicy()
    policy = BookingPolicy(
        rules=_rules(table),
        bind_lead=_or(table.span("bind_lead"), plain.bind_lead),
        hold_lead=_or(table.span("hold_lead"), plain.hold_lead),
        grace=_or(table.span("grace"), plain.grace),
        early_start=_or(table.span("early_start"), plain.early_start),
        late_stop=_or(table.span("late_stop"), plain.late_stop),
        buffer=_or(table.span("buffer"), plain.buffer),
        overstay=_ladder(table, plain.overstay),
        displace_first=_displace_first(table, plain.displace_first),
        waitlist=_waitlist(table, plain.waitlist),
    )
    table.end()
    if policy.hold_lead > policy.bind_lead:
        raise PolicyError(
            "policy.hold_lead: an EVSE is held after it was chosen, so it is at most `bind_lead`."
        )
    return policy


def _or(value: timedelta | None, default: timedelta) -> timedelta:
    return default if value is None else value


def _rules(table: Table) -> tuple[Rule, ...]:
    listed = table.items("rules")
    if len(listed) > MOST_RULES:
        raise PolicyError(f"policy.rules: at most {MOST_RULES} rules.")
    rules = tuple(_rule(f"rules[{at}]", each) for at, each in enumerate(listed))
    ids = [each.id for each in rules]
    twice = {each for each in ids if ids.count(each) > 1}
    if twice:
        raise PolicyError(f"policy.rules: the id `{min(twice)}` stands twice.")
    return rules


def _rule(where: str, value: Any) -> Rule:
    table = Table.of(where, value)
    id = table.text("id")
    if not _ID.fullmatch(id):
        raise PolicyError(f"{where}.id: expected small letters, digits and hyphens.")
    table.where = f"rule `{id}`"
    says = table.text("says", "")
    groups = _groups(table)
    kinds = [key for key in TERMS if key in table.values]
    if len(kinds) != 1:
        raise PolicyError(f"{table.where}: expected exactly one of {', '.join(TERMS)}.")
    inner = table.table(kinds[0])
    term = TERMS[kinds[0]](inner)
    inner.end()
    table.end()
    if isinstance(term, PlaceShare) and EVERYBODY in groups:
        raise PolicyError(f"{table.where}: a share names the groups that it is for.")
    return Rule(id, term, says, groups)


def _groups(table: Table) -> frozenset[str]:
    groups = table.items("groups") or [EVERYBODY]
    if not all(isinstance(each, str) and each for each in groups):
        raise PolicyError(f"{table.where}.groups: expected names of groups.")
    return frozenset(groups)


# --- terms


def _window(table: Table) -> Window:
    return Window(_weekdays(table), _part(f"{table.where}.hours", table.needed("hours")))


def _grid(table: Table) -> Grid:
    slots = tuple(_part(f"{table.where}.slots", each) for each in table.items("slots"))
    step = table.span("step")
    if bool(slots) == (step is not None):
        raise PolicyError(f"{table.where}: expected `slots` or `step`.")
    if step is not None and (not step or timedelta(days=1) % step):
        raise PolicyError(f"{table.where}.step: expected a span that divides a day.")
    return Grid(slots, step)


def _length(table: Table) -> Length:
    return Length(*_bounds(table))


def _ahead(table: Table) -> Ahead:
    return Ahead(*_bounds(table))


def _bounds(table: Table) -> tuple[timedelta | None, timedelta | None]:
    lower, upper = table.span("at_least"), table.span("at_most")
    if lower is None and upper is None:
        raise PolicyError(f"{table.where}: expected `at_least` or `at_most`, or both.")
    if lower is not None and upper is not None and lower > upper:
        raise PolicyError(f"{table.where}: `at_least` is more than `at_most`.")
    return lower, upper


def _quota(table: Table) -> Quota:
    beyond = "beyond" in table.values
    return Quota(
        table.word("per", Per),
        table.word("period", Period),
        table.number("at_most"),
        table.word("unit", QuotaUnit, QuotaUnit.BOOKINGS),
        _price(table.table("beyond"), Occasion.BEYOND_QUOTA) if beyond else None,
    )


def _share(table: Table) -> PlaceShare:
    release = table.span("release_before", timedelta(0))
    return PlaceShare(table.number("places"), _or(release, timedelta(0)))


def _concurrent(table: Table) -> Concurrent:
    return Concurrent(table.word("per", Per), table.number("at_most"))


def _cutoff(table: Table) -> Cutoff:
    change, cancel = table.span("change"), table.span("cancel")
    if change is None and cancel is None:
        raise PolicyError(f"{table.where}: expected `change` or `cancel`, or both.")
    return Cutoff(change, cancel)


def _price(table: Table, occasion: Occasion | None = None) -> Price:
    price = Price(
        occasion or table.word("occasion", Occasion), table.number("quantity"), table.text("unit")
    )
    table.end()
    return price


TERMS: Mapping[str, Callable[[Table], Term]] = {
    "window": _window,
    "grid": _grid,
    "length": _length,
    "ahead": _ahead,
    "quota": _quota,
    "share": _share,
    "concurrent": _concurrent,
    "cutoff": _cutoff,
    "price": _price,
}
"""The kinds of rules, by the key under which a rule has its term."""


# --- what stands around the rules


def _ladder(table: Table, default: tuple[LadderStep, ...]) -> tuple[LadderStep, ...]:
    if "overstay" not in table.values:
        return default
    steps: list[LadderStep] = []
    for each in table.items("overstay"):
        inner = Table.of("policy.overstay", each)
        act = inner.word("act", LadderAct)
        steps.append(LadderStep(act, _or(inner.span("after"), timedelta(0))))
        inner.end()
    if steps != sorted(steps, key=lambda one: one.after):
        raise PolicyError("policy.overstay: expected the steps in the order of `after`.")
    return tuple(steps)


def _displace_first(table: Table, default: tuple[DisplaceFirst, ...]) -> tuple[DisplaceFirst, ...]:
    words = table.items("displace_first")
    named = tuple(_word("policy.displace_first", each, DisplaceFirst) for each in words)
    return named or default


def _waitlist(table: Table, default: WaitlistTerms) -> WaitlistTerms:
    if "waitlist" not in table.values:
        return default
    inner = table.table("waitlist")
    terms = WaitlistTerms(
        _or(inner.span("offer_lasts"), default.offer_lasts),
        inner.number("snoozes") if "snoozes" in inner.values else default.snoozes,
    )
    inner.end()
    return terms


# --- words and numbers


def _word(where: str, value: Any, words: type[Word]) -> Word:
    if value not in list(words):
        raise PolicyError(f"{where}: expected one of {', '.join(words)}.")
    return words(value)


def _span(where: str, value: Any) -> timedelta:
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise PolicyError(f'{where}: expected a span as "90m", "2h" or "3d".')
    length = timedelta(**{_SPAN_UNITS[found[2]]: int(found[1])})
    if length > LONGEST:
        raise PolicyError(f"{where}: expected at most {LONGEST.days}d.")
    return length


def _part(where: str, value: Any) -> Daily:
    found = _PART.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise PolicyError(f'{where}: expected a part of a day as "07:00-12:30".')
    return Daily(_clock(where, found[1], found[2]), _clock(where, found[3], found[4]))


def _clock(where: str, hour: str, minute: str) -> time:
    """A time of the day; 24:00 is the midnight at its end."""
    if (hour, minute) == ("24", "00"):
        return time(0)
    if int(hour) > 23 or int(minute) > 59:
        raise PolicyError(f"{where}: there is no {hour}:{minute}.")
    return time(int(hour), int(minute))


def _weekdays(table: Table) -> frozenset[Weekday]:
    days: set[Weekday] = set()
    for each in table.items("weekdays") or ["MON-SUN"]:
        first, _, last = each.partition("-") if isinstance(each, str) else ("", "", "")
        names = [day.name for day in Weekday]
        if first not in names or (last or first) not in names:
            raise PolicyError(f'{table.where}.weekdays: expected days as "MON" or "MON-FRI".')
        start, length = names.index(first), (names.index(last or first) - names.index(first)) % 7
        days |= {Weekday((start + each_day) % 7) for each_day in range(length + 1)}
    return frozenset(days)
