"""How the rules match what the system reported with what the station really did."""

from datetime import datetime, timedelta

from domain.model.command import Code, Command, CompensationState, State
from domain.model.specs import IdToken, Kind
from domain.ocpp_words import told_id
from fleet.transactions.rows import Transaction
from tests.simulation.station.reservations import GROUPS
from tests.simulation.station.truth import FrameSeen, TrueSession
from tests.simulation.world.callers import TIMING, Told
from tests.simulation.world.world import Ran

ROUGHLY = timedelta(seconds=3)
"""Clocks of our machines differ, and words take their time on the wire."""

OF_HOLDS = frozenset({Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION})
"""The kinds of commands that are about a place held at the station."""

OF_SERVICE = frozenset({Kind.UNLOCK_CONNECTOR, Kind.RESET})
"""The kinds of commands that are about the station itself."""


def ended_as(command: Command, *codes: Code) -> bool:
    """Whether its outcome is one of these."""
    return command.outcome is not None and command.outcome.code in codes


def message_ids(told: Told) -> set[str]:
    """Of every frame of it that may have been on the wire."""
    return {send.message_id for send in told.sends if send.state != "VOID"}


def arrived(ran: Ran, told: Told) -> list[FrameSeen]:
    """Its own frames that the station got."""
    found = [ran.truth.arrived(send.message_id) for send in told.sends if not send.undo]
    return [frame for frame in found if frame is not None]


def frames_of(ran: Ran, told: Told, kind: Kind) -> list[FrameSeen]:
    """The frames of this kind that the station got from the command."""
    ids = [send.message_id for send in told.sends if send.kind == kind.value]
    found = [ran.truth.arrived(message_id) for message_id in ids]
    return [frame for frame in found if frame is not None]


def true_session(ran: Ran, transaction: str | None) -> TrueSession | None:
    """The session that a row of the fleet tells of."""
    row = next((row for row in ran.transactions if row.name == transaction), None)
    if row is None:
        return None
    return next((one for one in ran.truth.sessions if is_record(row, one)), None)


def is_record(row: Transaction, session: TrueSession) -> bool:
    """Whether this row of the fleet tells of this session."""
    if session.ocpp_transaction_id is not None and session.ocpp_transaction_id.startswith("tx-"):
        # A session that is told twice may have two rows: the second one has taken the id.
        return told_id(row.ocpp_transaction_id) == session.ocpp_transaction_id
    meter = row.meter_start_wh if row.meter_start_wh is not None else row.meter_stop_wh
    if meter is None:  # it told none that can be read
        return row.ocpp_transaction_id == session.ocpp_transaction_id
    return meter // 1000 * 1000 == session.number


def was_reported(ran: Ran, session: TrueSession) -> bool:
    """Whether the fleet ever heard of it."""
    return any(is_record(row, session) for row in ran.transactions)


def row_of_ocpp_transaction_id(ran: Ran, wire_id: str) -> Transaction | None:
    """The fleet's row of this OCPP id."""
    return next((row for row in ran.transactions if row.ocpp_transaction_id == wire_id), None)


def claimed(ran: Ran, command: Command) -> TrueSession | None:
    """The session that a start says it has begun."""
    facts = command.outcome.session if command.outcome else None
    return true_session(ran, facts.transaction) if facts else None


def meant(ran: Ran, told: Told) -> TrueSession | None:
    """The session that a stop is about."""
    stop = told.command.stop
    if stop is None:
        return None
    row = row_of_ocpp_transaction_id(ran, stop.found_ocpp_transaction_id)
    if row is None and stop.found_transaction is None:
        return _called(ran, stop.found_ocpp_transaction_id)
    return true_session(ran, stop.found_transaction or (row.name if row else None))


def _called(ran: Ran, wire_id: str) -> TrueSession | None:
    """The 2.x session with this id, of which no report could be read."""
    named = [one for one in ran.truth.sessions if one.ocpp_transaction_id == wire_id]
    return named[0] if named and wire_id.startswith("tx-") else None


def claimed_by_another(ran: Ran, told: Told, session: TrueSession) -> Told | None:
    """The other start that succeeded with this session."""
    for other in ran.told:
        if other is told or not ended_as(other.last, Code.SUCCEEDED) or not other.last.start:
            continue
        if claimed(ran, other.last) is session:
            return other
    return None


def last_deadline(ran: Ran, told: Told) -> datetime:
    """When the last thing that it may wait for is over."""
    command = told.command
    sent = [send for send in told.sends if send.state != "VOID" and not send.undo]
    latest = command.not_after
    patience_s = max(TIMING.connection_timeout_s, ran.temper.connection_timeout_s)
    for send in sent:
        heard = max(send.send_time, send.answer_time or send.send_time)
        effect_s = TIMING.stop_effect_s
        if command.kind is Kind.START_SESSION:
            effect_s = patience_s
        elif command.kind is Kind.RESET:
            scheduled = (send.answer or {}).get("status") == "Scheduled"
            effect_s = TIMING.reset_scheduled_s if scheduled else TIMING.reset_effect_s
            effect_s += TIMING.reconcile_s
        effect_s += TIMING.answer_timeout_s + TIMING.effect_margin_s
        latest = max(latest, heard + timedelta(seconds=effect_s))
    undone = _undone_since(told) if command.kind is Kind.RESERVE_NOW else None
    undo_s = TIMING.answer_timeout_s + TIMING.effect_margin_s
    return latest if undone is None else max(latest, undone + timedelta(seconds=undo_s))


def _undone_since(told: Told) -> datetime | None:
    """When what a command made began to be undone, if its caller waited for that."""
    undoing = [one for one in told.history if one.compensation.state is CompensationState.PENDING]
    waits = bool(undoing) and undoing[0].state is not State.DONE
    return undoing[0].compensation.update_time if waits else None


def is_its_driver(command: Command, session: TrueSession) -> bool:
    """Whether the session's token is the one that the command named, or of its group."""
    start = command.start
    return start is not None and token_fits(start.id_token, start.group_id_token, session.token)


def token_fits(token: IdToken, group: IdToken | None, shown: str) -> bool:
    """Whether a token that was shown is this one, or one of this group."""
    if token.masked.strip("*") in shown:
        return True
    return group is not None and group.masked.strip("*") in GROUPS.get(shown, "none")
