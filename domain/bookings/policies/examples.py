"""A policy file with its examples: asks that its author is sure about, and what they should bring.

An example says who asks, when, for which span, what is booked beside it, and which rules are
expected to refuse. So who changes a rule sees what else it changes, before a driver does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from domain.bookings.policies.local_time import exists, moment
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.policies.reading import PolicyError, Table, policy_of
from domain.bookings.policies.requests import BookingRequest, Holder, RequestSurroundings
from domain.bookings.policies.rules import RuleVerdict, judge

ALLOWED = "allowed"
"""What an example expects that no rule refuses."""


@dataclass(frozen=True)
class Example:
    """An ask with what stands beside it. expect: the ids of the rules that refuse it.

    charges: the ids of the rules that charge something; None: it does not matter.
    """

    title: str
    ask: BookingRequest
    around: RequestSurroundings
    expect: frozenset[str]
    charges: frozenset[str] | None = None


@dataclass(frozen=True)
class PolicyFile:
    """What a policy file holds. places: how many EVSEs the examples' pool has."""

    policy: BookingPolicy
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Tried:
    """An example and what the rules said. surprise: what was not as expected; "" when all was."""

    example: Example
    verdicts: tuple[RuleVerdict, ...]
    surprise: str = ""


def policy_file_of(values: Mapping[str, Any], zone: tzinfo) -> PolicyFile:
    """Reads the table of a policy file. zone: what its `time_zone` names. Raises: PolicyError."""
    table = Table("file", dict(values))
    table.text("time_zone")
    places = table.number("places")
    policy = policy_of(table.table("policy").values)
    examples = tuple(
        _example(Table.of(f"examples[{at}]", each), zone, places, policy)
        for at, each in enumerate(table.items("examples"))
    )
    table.end()
    return PolicyFile(policy, examples)


def tried(file: PolicyFile) -> tuple[Tried, ...]:
    """Each example with what the rules say of it."""
    return tuple(_tried(file.policy, each) for each in file.examples)


def _tried(policy: BookingPolicy, example: Example) -> Tried:
    verdicts = judge(policy, example.ask, example.around)
    refusing = {each.rule for each in verdicts if not each.allowed}
    charging = {each.rule for each in verdicts if each.charges}
    surprise = ""
    if refusing != example.expect:
        surprise = f"expected {_words(example.expect)}, but it is {_words(refusing)}"
    elif example.charges is not None and charging != example.charges:
        surprise = f"expected charges by {_ids(example.charges)}, but there are {_ids(charging)}"
    return Tried(example, verdicts, surprise)


def _words(refusing: frozenset[str] | set[str]) -> str:
    return f"refused by {_ids(refusing)}" if refusing else ALLOWED


def _ids(rules: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(rules)) or "none"


# --- reading


def _example(table: Table, zone: tzinfo, places: int, policy: BookingPolicy) -> Example:
    title, made = table.text("title"), _moment(table, "made", zone)
    ask = _ask(table, zone, made)
    beside = tuple(
        _booked(Table.of(f"{table.where}.beside[{at}]", each), zone, made)
        for at, each in enumerate(table.items("beside"))
    )
    expect = _rules(table, "expect", policy)
    charges = _rules(table, "charges", policy) if "charges" in table.values else None
    table.end()
    return Example(title, ask, RequestSurroundings(zone, beside, places), expect, charges)


def _booked(table: Table, zone: tzinfo, made: datetime) -> BookingRequest:
    ask = _ask(table, zone, made)
    table.end()
    return ask


def _ask(table: Table, zone: tzinfo, made: datetime) -> BookingRequest:
    holder = table.table("holder")
    who = Holder(holder.text("token"), holder.text("account", ""), _groups(holder))
    holder.end()
    ask = BookingRequest(who, _moment(table, "start", zone), _moment(table, "end", zone), made)
    if ask.start >= ask.end:
        raise PolicyError(f"{table.where}: its end is not after its start.")
    return ask


def _groups(table: Table) -> frozenset[str]:
    return frozenset(str(each) for each in table.items("groups"))


def _rules(table: Table, key: str, policy: BookingPolicy) -> frozenset[str]:
    named = frozenset(str(each) for each in table.items(key))
    unknown = named - {rule.id for rule in policy.rules}
    if unknown:
        raise PolicyError(f"{table.where}.{key}: there is no rule `{min(unknown)}`.")
    return named


def _moment(table: Table, key: str, zone: tzinfo) -> datetime:
    """A local time as "2026-12-01 09:00". Raises: PolicyError, also when no clock shows it."""
    where = f"{table.where}.{key}"
    try:
        local = datetime.strptime(table.text(key), "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    except ValueError as error:
        raise PolicyError(f'{where}: expected a local time as "2026-12-01 09:00".') from error
    if not exists(local.date(), local.time(), zone):
        raise PolicyError(f"{where}: no clock shows {local:%H:%M} on that day.")
    return moment(local.date(), local.time(), zone)
