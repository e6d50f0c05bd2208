"""The steps that a booking's changes, its commands and its session give. Pure.

What the rules and the plan said is kept with the change that they led to: a policy, and the other
bookings of a pool, are others by the time somebody asks. Where the plan had the booking before its
EVSE was chosen is not told: nobody was promised that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.bookings.booking import Booking
from domain.bookings.policies.policy import LadderAct
from domain.bookings.policies.rules import Charge, RuleVerdict
from domain.bookings.policies.wording import count
from domain.bookings.pool import evse_of
from domain.bookings.states import EVSE_CHOSEN, BookingCause, BookingState
from domain.commands import wording
from domain.model.command import Command, State
from journal.explain.step import Actor, ExplainStep, StepKind
from journal.explain.words import texts

_KIND, _BY = StepKind, Actor


@dataclass(frozen=True)
class BookingDetails:
    """What was decided with a change.

    verdicts: of the rules. moved: how many others got other places in the plan for it. change: what
    was asked for, where an earlier booking was changed.
    """

    verdicts: tuple[RuleVerdict, ...] = ()
    moved: int = 0
    change: str = ""


@dataclass(frozen=True)
class LoggedBooking:
    """One change of a booking, and the booking as it was after it."""

    time: datetime
    booking: Booking
    details: BookingDetails | None = None


@dataclass(frozen=True)
class BookingCommand:
    """A command that the booking asked for. time: of its newest change."""

    command: Command
    time: datetime


@dataclass(frozen=True)
class SeenSession:
    """The session of the booking's driver. end_time: None while it runs."""

    station: str
    name: str
    start_time: datetime
    end_time: datetime | None = None


def explain_booking(
    changes: Sequence[LoggedBooking],
    commands: Sequence[BookingCommand] = (),
    session: SeenSession | None = None,
) -> tuple[ExplainStep, ...]:
    """Every step of one booking, in order. changes: by revision.

    Changes were written by one clock each after the other, and their order is kept.
    """
    steps = [*_of_changes(changes)]
    for each in commands:
        steps += _of_command(each)
    if session is not None:
        steps += _of_session(session)
    return tuple(sorted(steps, key=lambda step: step.time))


def _of_changes(changes: Sequence[LoggedBooking]) -> Iterator[ExplainStep]:
    before: Booking | None = None
    latest: datetime | None = None
    for change in changes:
        at = change.time if latest is None else max(latest, change.time)
        if before is None:
            yield from _begun(change, at)
        else:
            yield from _changed(before, change, at)
        before, latest = change.booking, at


def _begun(change: LoggedBooking, at: datetime) -> Iterator[ExplainStep]:
    booking = change.booking
    asked = min(at, booking.create_time)
    if booking.revision == 1:
        yield _asked(booking, asked)
        yield from _decided(change, at)
        yield _state(booking, at, f"It is {booking.state}.")
    else:  # what came before was not kept
        yield _asked(booking, asked)
        said = booking.message or booking.progress
        yield _state(booking, at, f"It is {booking.state}. {said}".strip())


def _asked(booking: Booking, at: datetime) -> ExplainStep:
    caller = booking.caller or "A caller without credentials"
    facts = {
        "booking": f"bookings/{booking.name}",
        "pool": f"pools/{booking.pool}",
        "tenant": booking.tenant,
        "caller": booking.caller,
        "start_time": booking.start_time,
        "end_time": booking.end_time,
        "needs": str(booking.needs),
        "account": booking.account,
        "groups": ", ".join(sorted(booking.groups)),
        "policy": f"bookingPolicies/{booking.policy}",
        "policy_revision": booking.policy_revision,
        **{f"label.{name}": value for name, value in booking.labels.items()},
        "confirm_by": booking.confirm_by,
    }
    summary = (
        f"{caller} asked for {booking.needs} in pool {booking.pool}, for "
        f"{booking.id_token.masked}, {_span(booking)}."
    )
    return ExplainStep(_KIND.ASKED, at, _BY.CALLER, summary, texts(facts))


def _decided(change: LoggedBooking, at: datetime) -> Iterator[ExplainStep]:
    details = change.details
    if details is None:
        return
    for verdict in details.verdicts:
        yield _rule(verdict, at)
    moved = ""
    if details.moved:
        others = count(details.moved, "other booking")
        moved = f", and {others} got another place in it"
    yield ExplainStep(
        _KIND.PLAN,
        at,
        _BY.WORKER,
        f"The plan of the pool has a place for it beside all others{moved}.",
        texts({"moved": details.moved}),
    )


def _rule(verdict: RuleVerdict, at: datetime) -> ExplainStep:
    costs = "; ".join(_charge(charge) for charge in verdict.charges)
    said = verdict.sentence or ("It allows it." if not costs else f"It allows it, for {costs}.")
    facts = {
        "rule": verdict.rule,
        "allowed": str(verdict.allowed).lower(),
        "says": verdict.says,
        "charges": costs,
    }
    return ExplainStep(_KIND.RULE, at, _BY.WORKER, f"Rule {verdict.rule}: {said}", texts(facts))


def _changed(before: Booking, change: LoggedBooking, at: datetime) -> Iterator[ExplainStep]:
    after = change.booking
    if change.details is not None:
        what = change.details.change or _span(after)
        yield ExplainStep(_KIND.ASKED, at, _BY.CALLER, f"It was changed: {what}.")
        if change.details.verdicts or change.details.moved:
            yield from _decided(change, at)
    if after.cause in _CANCELS and not before.ended:
        why = after.cancel_reason or "no reason given"
        yield ExplainStep(_KIND.CANCEL_ASKED, at, _BY.CALLER, f"It was cancelled: {why}.")
    is_new = after.place != before.place or before.state not in EVSE_CHOSEN
    if after.state in EVSE_CHOSEN and is_new:
        yield _chosen(after, at)
    if after.state is not before.state:
        yield _moved(before, after, at)
    elif after.progress not in {"", before.progress}:
        yield ExplainStep(_KIND.QUEUED, at, _BY.WORKER, after.progress)
    yield from _blocked(before, after, at)
    yield from _charged(before, after, at)


def _blocked(before: Booking, after: Booking, at: datetime) -> Iterator[ExplainStep]:
    """Who is in its way, what was done about that, and its end."""
    was, now = before.blocked, after.blocked
    if was is not None and (now is None or now.transaction != was.transaction):
        left = f"Session {was.transaction} is not in its way any more."
        yield ExplainStep(_KIND.QUEUED, at, _BY.WORKER, left, texts({"blocked_by": ""}))
    if now is None:
        return
    station, evse_id = evse_of(now.place)
    facts = {
        "blocked_by": f"stations/{station}/transactions/{now.transaction}",
        "booking": f"bookings/{now.booking}" if now.booking else "",
    }
    known = was is not None and was.transaction == now.transaction
    if not known:
        who = "The driver of another booking" if now.booking else "Somebody without a booking"
        summary = f"{who} charges at EVSE {evse_id} of station {station}: it is not free."
        yield ExplainStep(_KIND.QUEUED, at, _BY.STATION, summary, texts(facts))
    done = len(was.done) if was is not None and known else 0
    for act in now.done[done:]:
        told = {**facts, "act": act.value}
        owed = "; ".join(f"{_charge(each)}, by rule {each.rule}" for each in now.charges)
        summary = f"{_ACTS[act]}{f': {owed}' if act is LadderAct.CHARGE and owed else ''}."
        yield ExplainStep(_KIND.DECIDED, at, _BY.WORKER, summary, texts(told))
    if now.stops > max(1, was.stops if was is not None and known else 0):
        summary = f"Who is in its way still charges, and is asked to stop again ({now.stops})."
        told = {**facts, "act": LadderAct.STOP.value}
        yield ExplainStep(_KIND.DECIDED, at, _BY.WORKER, summary, texts(told))


def _chosen(booking: Booking, at: datetime) -> ExplainStep:
    station, evse_id = evse_of(booking.place)
    facts = {
        "station": f"stations/{station}",
        "evse_id": evse_id,
        "tried": ", ".join(booking.tried),
    }
    tried = f" {count(len(booking.tried), 'EVSE')} could not be had." if booking.tried else ""
    summary = f"EVSE {evse_id} of station {station} was chosen for it.{tried}"
    return ExplainStep(_KIND.PLAN, at, _BY.WORKER, summary, texts(facts))


def _moved(before: Booking, after: Booking, at: datetime) -> ExplainStep:
    if after.ended:
        facts = {"state": after.state.value, "cause": after.cause, "was": before.state.value}
        summary = f"{after.state}, {after.cause}: {after.message}"
        return ExplainStep(_KIND.OUTCOME, at, _BY.WORKER, summary, texts(facts))
    if before.state is BookingState.PENDING and after.state is BookingState.CONFIRMED:
        return _state(after, at, "It was confirmed.", was=before)
    said = f"It is {after.state}, and was {before.state}. {after.progress}".strip()
    return _state(after, at, said, was=before)


def _state(booking: Booking, at: datetime, summary: str, was: Booking | None = None) -> ExplainStep:
    facts = {
        "state": booking.state.value,
        "was": was.state.value if was else "",
        "cause": booking.cause,
        "reservation": f"reservations/{booking.reservation}" if booking.reservation else "",
    }
    return ExplainStep(_KIND.STATE, at, _BY.WORKER, summary, texts(facts))


def _charged(before: Booking, after: Booking, at: datetime) -> Iterator[ExplainStep]:
    for charge in after.charges[len(before.charges) :]:
        yield ExplainStep(
            _KIND.DECIDED,
            at,
            _BY.WORKER,
            f"Charged: {_charge(charge)}, by rule {charge.rule}.",
            texts({"occasion": charge.occasion.value, "rule": charge.rule}),
        )


def _of_command(asked: BookingCommand) -> Iterator[ExplainStep]:
    command = asked.command
    facts = {
        "command": f"commands/{command.name}",
        "kind": command.kind.value,
        "station": f"stations/{command.station}",
    }
    title = wording.title(command)
    yield ExplainStep(
        _KIND.COMMAND, command.create_time, _BY.WORKER, f"Asked: {title}.", texts(facts)
    )
    outcome = command.outcome
    if command.state is State.DONE and outcome is not None:
        ended = {**facts, "code": outcome.code.value, "cause": outcome.cause}
        summary = f"{title}: {outcome.code.value}, {outcome.cause}: {outcome.message}"
        at = max(command.outcome_time or asked.time, command.create_time)
        yield ExplainStep(_KIND.COMMAND, at, _BY.STATION, summary, texts(ended))


def _of_session(session: SeenSession) -> Iterator[ExplainStep]:
    facts: Mapping[str, Any] = {
        "transaction": f"stations/{session.station}/transactions/{session.name}"
    }
    yield ExplainStep(
        _KIND.SESSION,
        session.start_time,
        _BY.STATION,
        f"The session of its driver began at station {session.station}.",
        texts(facts),
    )
    if session.end_time is not None:
        ended = "The session of its driver ended."
        yield ExplainStep(_KIND.SESSION, session.end_time, _BY.STATION, ended, texts(facts))


def _charge(charge: Charge) -> str:
    return f"{charge.quantity} × {charge.unit}"


def _span(booking: Booking) -> str:
    return f"from {booking.start_time:%Y-%m-%d %H:%M} to {booking.end_time:%Y-%m-%d %H:%M} UTC"


_ACTS = {
    LadderAct.TELL: "The venue is told who is in its way",
    LadderAct.CHARGE: "Who is in its way is charged",
    LadderAct.STOP: "Who is in its way is to be stopped",
}
"""What was done about a session of somebody else."""

_CANCELS = frozenset(
    {BookingCause.CANCELLED_BY_HOLDER.value, BookingCause.CANCELLED_BY_OPERATOR.value}
)
