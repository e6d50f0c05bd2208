"""Policies of bookings: read as the table of a policy file, and shown. Pure.

A request is turned into the table that a policy file holds, and read by the same code: what is
wrong with it is said in the same words, and there is one reader of rules.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from evcommand.v1 import booking_policy_pb2 as pb
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from broker.errors import FieldViolation
from broker.proto.booking.names import policy_id_field
from broker.proto.fields import Findings
from broker.proto.times import span, span_out, time_out
from domain.bookings.policies.policy import (
    EVERYBODY,
    TERM_KINDS,
    BookingPolicy,
    Daily,
    Grid,
    Price,
    Quota,
    Rule,
    Window,
)
from domain.bookings.policies.reading import TERMS, PolicyError, policy_of
from domain.bookings.policies.sentences import sentences

_SPANS = ("bind_lead", "hold_lead", "grace", "early_start", "late_stop", "buffer")
_DISPLACE = pb.BookingPolicy.DisplaceFirst
_ACT = pb.OverstayStep.Act


def check_policy(policy: pb.BookingPolicy) -> tuple[FieldViolation, ...]:
    """What is wrong with a policy that is to be put."""
    findings = Findings()
    policy_id_field(findings, "policy.name", policy.name)
    try:
        policy_of(policy_table(policy))
    except PolicyError as error:
        findings.expect(False, "policy", str(error).removesuffix("."))
    return findings.violations


def policy_table(policy: pb.BookingPolicy) -> dict[str, Any]:
    """The policy as the table of a policy file. What is wrong with it is told by who reads it."""
    table: dict[str, Any] = {"rules": [_rule_table(rule) for rule in policy.rules]}
    for name in _SPANS:
        if policy.HasField(name):  # type: ignore[arg-type]
            table[name] = _span_text(getattr(policy, name))
    if policy.overstay:
        table["overstay"] = [
            {"act": _word(_ACT, step.act, "ACT_")} | _spans(step, "after")
            for step in policy.overstay
        ]
    if policy.displace_first:
        table["displace_first"] = [
            _word(_DISPLACE, each, "DISPLACE_FIRST_") for each in policy.displace_first
        ]
    if policy.HasField("waitlist"):
        table["waitlist"] = _spans(policy.waitlist, "offer_lasts")
        if policy.waitlist.HasField("snoozes"):
            table["waitlist"]["snoozes"] = policy.waitlist.snoozes
    return table


def policy_out(
    name: str, policy: BookingPolicy, create_time: datetime | None = None
) -> pb.BookingPolicy:
    """A policy as the contract shows it. name: with its collection."""
    return pb.BookingPolicy(
        name=name,
        revision=policy.revision,
        rules=[_rule_out(rule) for rule in policy.rules],
        **{each: span_out(getattr(policy, each)) for each in _SPANS},
        overstay=[
            pb.OverstayStep(act=_ACT.Value(f"ACT_{step.act}"), after=span_out(step.after))
            for step in policy.overstay
        ],
        displace_first=[
            _DISPLACE.Value(f"DISPLACE_FIRST_{each}") for each in policy.displace_first
        ],
        waitlist=pb.WaitlistTerms(
            offer_lasts=span_out(policy.waitlist.offer_lasts), snoozes=policy.waitlist.snoozes
        ),
        sentences=sentences(policy),
        create_time=time_out(create_time),
    )


# --- reading


def _rule_table(rule: pb.BookingRule) -> dict[str, Any]:
    table: dict[str, Any] = {"id": rule.id, "says": rule.says, "groups": list(rule.groups)}
    kind = rule.WhichOneof("term")
    if kind is not None:
        table[kind] = _READ[kind](getattr(rule, kind))
    return table


def _window_table(term: pb.WindowTerm) -> dict[str, Any]:
    return {"weekdays": list(term.weekdays), "hours": _hours_text(term.hours)}


def _grid_table(term: pb.GridTerm) -> dict[str, Any]:
    return {"slots": [_hours_text(slot) for slot in term.slots]} | _spans(term, "step")


def _bounds_table(term: pb.LengthTerm | pb.AheadTerm) -> dict[str, Any]:
    return _spans(term, "at_least", "at_most")


def _quota_table(term: pb.QuotaTerm) -> dict[str, Any]:
    table: dict[str, Any] = {
        "per": _word(pb.CountedPer, term.per, "COUNTED_PER_"),
        "period": _word(pb.QuotaTerm.Period, term.period, "PERIOD_"),
        "at_most": term.at_most,
    }
    if term.unit:
        table["unit"] = _word(pb.QuotaTerm.Unit, term.unit, "UNIT_")
    if term.HasField("beyond"):
        table["beyond"] = {"quantity": term.beyond.quantity, "unit": term.beyond.unit}
    return table


def _share_table(term: pb.ShareTerm) -> dict[str, Any]:
    return {"places": term.places} | _spans(term, "release_before")


def _concurrent_table(term: pb.ConcurrentTerm) -> dict[str, Any]:
    return {"per": _word(pb.CountedPer, term.per, "COUNTED_PER_"), "at_most": term.at_most}


def _cutoff_table(term: pb.CutoffTerm) -> dict[str, Any]:
    return _spans(term, "change", "cancel")


def _price_table(term: pb.PriceTerm) -> dict[str, Any]:
    return {"occasion": term.occasion, "quantity": term.quantity, "unit": term.unit}


_READ: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "window": _window_table,
    "grid": _grid_table,
    "length": _bounds_table,
    "ahead": _bounds_table,
    "quota": _quota_table,
    "share": _share_table,
    "concurrent": _concurrent_table,
    "cutoff": _cutoff_table,
    "price": _price_table,
}
assert set(_READ) == set(TERMS)  # noqa: S101  both are total over the kinds of terms


def _spans(message: Message, *names: str) -> dict[str, str]:
    return {name: _span_text(getattr(message, name)) for name in names if message.HasField(name)}


def _span_text(duration: Duration) -> str:
    """A Duration as a policy file writes it; one that cannot be written so is read as wrong."""
    length = span(duration)
    if length is None or length < timedelta(0) or length % timedelta(seconds=1):
        return "whole seconds, from 0s"
    return f"{length // timedelta(seconds=1)}s"


def _hours_text(hours: pb.DailyHours) -> str:
    return f"{hours.start}-{hours.end}"


def _word(kind: Any, value: int, prefix: str) -> str:
    """An enum's value as its word; a value that nobody knows as its number."""
    name = kind.Name(value) if value in kind.values() else str(value)
    return str(name).removeprefix(prefix)


# --- showing


def _rule_out(rule: Rule) -> pb.BookingRule:
    shown = pb.BookingRule(id=rule.id, says=rule.says)
    shown.groups.extend(sorted(rule.groups - {EVERYBODY}))
    term = getattr(shown, TERM_KINDS[type(rule.term)])
    term.SetInParent()
    show: Callable[[Any, Any], None] = _SHOW.get(type(rule.term), _plain_out)
    show(term, rule.term)
    return shown


def _window_out(shown: pb.WindowTerm, term: Window) -> None:
    shown.weekdays.extend(day.name for day in sorted(term.weekdays))
    shown.hours.CopyFrom(_hours_out(term.hours))


def _grid_out(shown: pb.GridTerm, term: Grid) -> None:
    shown.slots.extend(_hours_out(slot) for slot in term.slots)
    if term.step is not None:
        shown.step.FromTimedelta(term.step)


def _quota_out(shown: pb.QuotaTerm, term: Quota) -> None:
    shown.per = pb.CountedPer.Value(f"COUNTED_PER_{term.per}")
    shown.period = pb.QuotaTerm.Period.Value(f"PERIOD_{term.period}")
    shown.at_most = term.at_most
    shown.unit = pb.QuotaTerm.Unit.Value(f"UNIT_{term.unit}")
    if term.price is not None:
        _price_out(shown.beyond, term.price)


def _price_out(shown: pb.PriceTerm, term: Price) -> None:
    shown.occasion, shown.quantity, shown.unit = term.occasion.value, term.quantity, term.unit


def _plain_out(shown: Message, term: Any) -> None:
    """A term whose fields have the names of the contract: numbers, spans, and who is counted."""
    for field in shown.DESCRIPTOR.fields:
        value = getattr(term, field.name)
        if isinstance(value, timedelta):
            getattr(shown, field.name).FromTimedelta(value)
        elif field.name == "per":
            shown.per = pb.CountedPer.Value(f"COUNTED_PER_{value}")  # type: ignore[attr-defined]
        elif value is not None:
            setattr(shown, field.name, value)


_SHOW: Mapping[type, Callable[[Any, Any], None]] = {
    Window: _window_out,
    Grid: _grid_out,
    Quota: _quota_out,
    Price: _price_out,
}


def _hours_out(hours: Daily) -> pb.DailyHours:
    end = "24:00" if hours.overnight and not (hours.end.hour or hours.end.minute) else None
    return pb.DailyHours(start=f"{hours.start:%H:%M}", end=end or f"{hours.end:%H:%M}")
