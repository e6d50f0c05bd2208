"""The commands that a booking asks for: its hold, the end of the hold, the stop of its session.

They are commands like those of a client, made in the transaction that decides on them: their start
is in the outbox, so that they are asked for if and only if that is committed. Their ids follow from
the booking, so that a repeat asks for nothing more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from contract import names
from contract.attributes import keywords_of
from contract.commands import EDITION, CommandInput
from contract.converter import DATA_CONVERTER
from domain.bookings.blocking.stops import AskedStop
from domain.bookings.booking import Booking
from domain.bookings.enforcement import no_show_time
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.pool import evse_of
from domain.commands import wording
from domain.commands.table import COMMANDS
from domain.commands.timing import Timing
from domain.model.command import Command, State
from domain.model.specs import CancelReservationSpec, Kind, ReserveSpec, StopSpec
from domain.ocpp_words import told_id
from domain.reservations.admission import reservation_id, sent_until
from domain.reservations.reservation import Reservation
from fleet import wakeups
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.log import reservations
from fleet.transactions.rows import Transaction
from fleet.wakeups import Start
from journal.bookings.waking import caller_of
from journal.commands.record import from_snapshot, record


async def hold(
    tx: Tx, booking: Booking, policy: BookingPolicy, timing: Timing, now: datetime
) -> Booking:
    """Has the booking's EVSE reserved at its station, until nobody is waited for any longer."""
    what = f"hold/{booking.holds}"
    station, evse_id = evse_of(booking.place)
    reservation = reservation_id(booking.tenant, _command_id(booking, what))
    until = no_show_time(policy, booking)
    number = await reservations.mint(
        tx, tenant=booking.tenant, reservation=reservation, station=station, now=now
    )
    spec = ReserveSpec(
        id_token=booking.id_token,
        expire_time=until,
        evse_id=evse_id,
        group_id_token=booking.group_id_token,
        reservation=reservation,
        wire_id=number,
    )
    asked = _Asked(Kind.RESERVE_NOW, station, what, {"reserve": spec})
    drafted = _drafted(booking, asked, now)
    limited = replace(drafted, not_after=sent_until(drafted.not_after, until))
    await _ask(tx, limited, timing, now)
    return replace(booking, reservation=reservation, holds=booking.holds + 1)


async def let_go(
    tx: Tx, booking: Booking, held: Reservation, timing: Timing, now: datetime
) -> None:
    """Has the station let the hold go."""
    spec = CancelReservationSpec(
        wire_id=held.wire_id,
        reservation=f"reservations/{held.name}",
        found_reservation=held.name,
        reason=f"booking {booking.state}",
    )
    asked = _Asked(
        Kind.CANCEL_RESERVATION,
        held.station,
        f"let-go/{held.name}",
        {"cancel_reservation": spec},
    )
    await _ask(tx, _drafted(booking, asked, now), timing, now)


async def stop(
    tx: Tx, booking: Booking, session: Transaction, timing: Timing, now: datetime
) -> None:
    """Has the booking's session stopped."""
    asked = _asked_to_stop(session, _own_stop(booking))
    await _ask(tx, _drafted(booking, asked, now), timing, now)


async def stop_other(
    tx: Tx, booking: Booking, session: Transaction, timing: Timing, now: datetime
) -> None:
    """Has the session stopped that is in the booking's way."""
    asked = _asked_to_stop(session, _other_stop(booking))
    await _ask(tx, _drafted(booking, asked, now), timing, now)


async def own_stop(tx: Tx, booking: Booking) -> AskedStop | None:
    """The newest command that stops the booking's session; None: there was none."""
    return await _asked_stop(tx, booking, _own_stop(booking)) if booking.stops else None


async def other_stop(tx: Tx, booking: Booking, session: str) -> AskedStop | None:
    """The same of a session that is in its way."""
    known = booking.blocked
    if known is None or known.transaction != session or not known.stops:
        return None
    return await _asked_stop(tx, booking, _other_stop(booking))


async def _asked_stop(tx: Tx, booking: Booking, what: str) -> AskedStop | None:
    newest = await log.latest(tx, tenant=booking.tenant, name=_command_id(booking, what))
    command = None if newest is None else from_snapshot(newest.snapshot)
    if command is None:
        return None
    return AskedStop(command.outcome_time if command.state is State.DONE else None)


def _own_stop(booking: Booking) -> str:
    return f"stop/try/{booking.stops}"


def _other_stop(booking: Booking) -> str:
    """Each session in its way is asked by commands of its own."""
    known = booking.blocked
    return f"stop-other/{known.transaction}/{known.stops}" if known else "stop-other"


def _command_id(booking: Booking, what: str) -> str:
    return str(uuid5(UUID(booking.name), f"{booking.tenant}/{what}"))


@dataclass(frozen=True)
class _Asked:
    """What is asked of a station. what: different for each command of a booking."""

    kind: Kind
    station: str
    what: str
    spec: Mapping[str, Any]


def _asked_to_stop(session: Transaction, what: str) -> _Asked:
    spec = StopSpec(
        found_ocpp_transaction_id=session.ocpp_transaction_id,
        found_transaction=session.name,
        ocpp_transaction_id=told_id(session.ocpp_transaction_id) or None,
    )
    return _Asked(Kind.STOP_SESSION, session.station, what, {"stop": spec})


def _drafted(booking: Booking, asked: _Asked, now: datetime) -> Command:
    kind, name = asked.kind, _command_id(booking, asked.what)
    return Command(
        name=name,
        tenant=booking.tenant,
        kind=kind,
        station=asked.station,
        state=State.QUEUED,
        create_time=now,
        not_after=now + COMMANDS[kind].not_after,
        workflow_id=names.command_workflow_id(booking.tenant, name),
        offline_policy=COMMANDS[kind].offline_policy,
        labels={"booking": booking.name},
        caller=caller_of(booking.name),
        **asked.spec,
    )


async def _ask(tx: Tx, command: Command, timing: Timing, now: datetime) -> None:
    """Writes the command down and puts its start into the outbox."""
    await record(
        tx,
        tenant=command.tenant,
        name=command.name,
        key="queued",
        change=_as_it_is,
        now=now,
        initial=command,
    )
    given = CommandInput(command, timing, edition=EDITION)
    start = Start(
        workflow=names.command_workflow(command.kind),
        queue=names.COMMANDS_QUEUE,
        argument=json.loads(DATA_CONVERTER.payload_converter.to_payload(given).data),
        attributes=keywords_of(command),
        summary=wording.brief(wording.title(command)),
        details=wording.origin(command),
    )
    await wakeups.add(tx, command.workflow_id, "asked for by a booking", now, start)


def _as_it_is(command: Command) -> Command:
    return command
