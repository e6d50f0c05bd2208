"""StopSession at the broker's edge. See `broker.commands.edge` for the steps.

A stop names its session in one of six ways. The broker finds the one session that fits, or refuses:
it never chooses between several. Only an OCPP transaction id that is not known goes to the station
as it is, because the station may know a session that we never heard of.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from broker.auth import current_caller
from broker.commands.edge import CommandEdge, Found, ParsedRequest
from broker.commands.fits import check_tokens_fit
from broker.commands.lookups import Lookup, command_not_found
from broker.commands.options import check_options, parsed_request
from broker.errors import FieldViolation, Reason, Refusal, bad_field
from broker.proto import fields, names
from broker.proto.fields import Findings
from broker.proto.id_token import id_token_field, masked_out, said_token, token_chars, token_in
from broker.proto.names import station_in, transaction_out
from domain.model.command import Command, State
from domain.model.specs import Kind, StopSpec
from domain.model.states import is_definite
from domain.ocpp_words import capabilities_of, told_id
from fleet import transactions
from fleet.keys import Sealer
from fleet.log import commands as fleet_log
from fleet.log import reservations
from fleet.stations import Station
from fleet.transactions.rows import ENDED, Transaction
from journal.commands import plugs
from journal.commands.record import from_snapshot
from journal.commands.sessions import session_of

MAX_TRANSACTION_ID = 255
"""The standard has 36 characters. Some stations use longer ids, and understand them."""

_INT32 = re.compile(r"-?[0-9]{1,10}")
_SHOWN_SESSIONS = 10
_STATION_NEEDED = ("evse_id", "id_token", "reservation", "transaction_id")
_NAMED_TARGETS = ("transaction", "start_command", "reservation", "transaction_id")


@dataclass(frozen=True)
class StopTarget:
    """The session that a stop is about.

    ocpp_transaction_id: goes to the station. transaction: our id of it, None when we
    do not know the session.
    """

    station: str
    ocpp_transaction_id: str
    transaction: str | None = None


# --- the request


def check(request: pb.StopSessionRequest, now: datetime) -> tuple[FieldViolation, ...]:
    """What is wrong with the request."""
    findings = Findings()
    target = request.WhichOneof("target")
    fields.station_field(findings, request.station, required=target in _STATION_NEEDED)
    findings.expect(
        target is not None,
        "target",
        "name the session: transaction, start_command, evse_id, id_token, reservation or "
        "transaction_id",
    )
    if target is not None:
        _TARGETS[target](findings, request)
    check_options(findings, request, now)
    return findings.violations


def read(request: pb.StopSessionRequest, sealer: Sealer, now: datetime) -> ParsedRequest[StopSpec]:
    """The request as the domain's spec. Its session is not looked for yet."""
    target = request.WhichOneof("target")
    spec = StopSpec(
        transaction=request.transaction if target == "transaction" else None,
        start_command=request.start_command if target == "start_command" else None,
        evse_id=request.evse_id if target == "evse_id" else None,
        id_token=token_in(sealer, request.id_token) if target == "id_token" else None,
        reservation=request.reservation if target == "reservation" else None,
        ocpp_transaction_id=request.transaction_id if target == "transaction_id" else None,
    )
    return parsed_request(
        request,
        spec,
        now,
        station=station_in(request.station) if request.station else None,
        token_chars=token_chars(request, "id_token"),
    )


def said(spec: StopSpec) -> dict[str, object]:
    """What a repeat must say again. The session that was found is not compared: it may be over."""
    return {
        "transaction": spec.transaction,
        "start_command": spec.start_command,
        "evse_id": spec.evse_id,
        "id_token": said_token(spec.id_token),
        "reservation": spec.reservation,
        "transaction_id": spec.ocpp_transaction_id,
    }


def show(shown: command_pb.RemoteCommand, spec: StopSpec, station: str) -> None:
    """The spec as the contract's message: the target as it was given, and what was found."""
    message = command_pb.StopSessionSpec(
        resolved_transaction=transaction_out(station, spec.found_transaction),
        resolved_transaction_id=told_id(spec.found_ocpp_transaction_id),
    )
    if spec.id_token is not None:
        message.id_token.CopyFrom(masked_out(spec.id_token))
    elif spec.evse_id is not None:
        message.evse_id = spec.evse_id
    else:
        for field in _NAMED_TARGETS:
            value = said(spec)[field]
            if value is not None:
                setattr(message, field, value)
    shown.stop_session.CopyFrom(message)


def _check_transaction(findings: Findings, request: pb.StopSessionRequest) -> None:
    fields.name_field(findings, "transaction", "transaction", request.transaction)
    if request.station:
        theirs = names.parse_transaction(request.transaction)
        findings.expect(
            theirs is None or theirs[0] == names.parse_station(request.station),
            "station",
            "must be the transaction's station, or absent",
        )


def _check_start_command(findings: Findings, request: pb.StopSessionRequest) -> None:
    fields.name_field(findings, "start_command", "command", request.start_command)


def _check_evse(findings: Findings, request: pb.StopSessionRequest) -> None:
    findings.expect(request.evse_id >= 1, "evse_id", "must be 1 or more")


def _check_token(findings: Findings, request: pb.StopSessionRequest) -> None:
    id_token_field(findings, "id_token", request.id_token, present=True, told=False)


def _check_reservation(findings: Findings, request: pb.StopSessionRequest) -> None:
    fields.reservation_field(findings, request.reservation)


def _check_transaction_id(findings: Findings, request: pb.StopSessionRequest) -> None:
    given = request.transaction_id
    findings.expect(
        1 <= len(given) <= MAX_TRANSACTION_ID and fields.is_printable(given),
        "transaction_id",
        f"must be 1 to {MAX_TRANSACTION_ID} printable characters",
    )


_TARGETS: dict[str, Callable[[Findings, pb.StopSessionRequest], None]] = {
    "transaction": _check_transaction,
    "start_command": _check_start_command,
    "evse_id": _check_evse,
    "id_token": _check_token,
    "reservation": _check_reservation,
    "transaction_id": _check_transaction_id,
}
"""What each target of a stop is checked for."""


# --- the session


async def find(lookup: Lookup, parsed: ParsedRequest[StopSpec]) -> Found[StopSpec]:
    """The session that is to be stopped.

    Raises: Refusal when there is none, when there are several, or when it cannot be one yet.
    """
    session = await _session(lookup, parsed)
    spec = replace(
        parsed.spec,
        found_ocpp_transaction_id=session.ocpp_transaction_id,
        found_transaction=session.transaction,
    )
    return Found(session.station, spec)


async def _session(lookup: Lookup, parsed: ParsedRequest[StopSpec]) -> StopTarget:
    spec = parsed.spec
    if spec.transaction is not None:
        return await _by_name(lookup, spec.transaction)
    if spec.start_command is not None:
        return await _by_start(lookup, spec.start_command, parsed.station)
    station = await lookup.station(parsed.station)
    if spec.ocpp_transaction_id is not None:
        return await _by_transaction_id(lookup, station, spec.ocpp_transaction_id)
    return _only(station.id, await _running(lookup, station, parsed))


async def _by_name(lookup: Lookup, name: str) -> StopTarget:
    station, transaction = names.transaction_in(name)
    found = await transactions.get(lookup.tx, name=transaction)
    ours = current_caller().covers(station)
    if found is None or not ours or (found.tenant, found.station) != (lookup.tenant, station):
        raise Refusal(Reason.TRANSACTION_NOT_FOUND, f"{name} is not known.")
    return _session_of(await plugs.goes_on_as(lookup.tx, found))


async def _by_start(lookup: Lookup, name: str, station: str | None) -> StopTarget:
    command = await _start_command(lookup, name)
    if station not in (None, command.station):
        raise bad_field(
            Reason.INVALID_REQUEST, "station", f"{name} is a command of another station"
        )
    facts = command.outcome.session if command.outcome else None
    if facts is None or not facts.ocpp_transaction_id:
        raise _no_session(name, command)
    known = await transactions.get(lookup.tx, name=facts.transaction) if facts.transaction else None
    if known is not None:
        return _session_of(await plugs.goes_on_as(lookup.tx, known))
    return StopTarget(command.station, facts.ocpp_transaction_id, facts.transaction or None)


async def _start_command(lookup: Lookup, name: str) -> Command:
    id = names.parse_command(name)
    entry = await fleet_log.latest(lookup.tx, tenant=lookup.tenant, name=id) if id else None
    command = None if entry is None else from_snapshot(entry.snapshot)
    if command is None or not current_caller().covers(command.station):
        raise command_not_found(name)
    if command.start is None:
        raise bad_field(
            Reason.NOT_A_START_COMMAND, "start_command", f"{name} did not start a session"
        )
    return command


async def _by_transaction_id(lookup: Lookup, station: Station, transaction_id: str) -> StopTarget:
    sent = sent_transaction_id(station.ocpp_version, transaction_id)
    unnamed = await _without_id(lookup, station, sent)
    if unnamed:
        return _only(station.id, unnamed)
    found = await transactions.by_ocpp_transaction_id(lookup.tx, station.id, sent)
    if found is None:
        return StopTarget(station.id, sent)
    if found.id_taken:
        why = "is no id of the station: name the session as ListTransactions does"
        raise bad_field(Reason.INVALID_REQUEST, "transaction_id", why)
    return _session_of(await plugs.goes_on_as(lookup.tx, found))


async def _without_id(lookup: Lookup, station: Station, sent: str) -> list[Transaction]:
    """The running sessions that may be meant by 0 or -1, which is no id (OCPP 1.6).

    Those to which the back end behind us has given none: there may be several.
    """
    able = capabilities_of(station.ocpp_version)
    if able is None or not able.numeric_transaction_ids or int(sent) > 0:
        return []
    running = await transactions.active(lookup.tx, station.id)
    return [one for one in running if session_of(one).lacks_id and not one.id_taken]


async def _running(
    lookup: Lookup, station: Station, parsed: ParsedRequest[StopSpec]
) -> list[Transaction]:
    """The sessions of the target that run, or may as well run: nobody reported their end."""
    fits = await _fits(lookup, station, parsed)
    found = await plugs.fitting(lookup.tx, station.id, fits, parsed.time)
    return found if parsed.spec.evse_id is None else _told_to_begin(found)


async def _fits(
    lookup: Lookup, station: Station, parsed: ParsedRequest[StopSpec]
) -> Callable[[Transaction], bool]:
    """Whether a session is of the EVSE, the token or the reservation that the request names.

    The digest of a token is the same whatever its type is called.
    """
    spec = parsed.spec
    if spec.evse_id is not None:
        return lambda one: one.evse_id == spec.evse_id
    if spec.id_token is not None:
        check_tokens_fit(station.ocpp_version, parsed.token_chars)
        digest = spec.id_token.digest
        return lambda one: one.token_digest == digest
    return await _uses(lookup, station, spec.reservation or "")


async def _uses(
    lookup: Lookup, station: Station, reservation: str
) -> Callable[[Transaction], bool]:
    """Whether a session uses a reservation, as the station or we know it."""
    id = names.reservation_in(reservation)
    entry = await reservations.get(lookup.tx, tenant=lookup.tenant, name=id)
    if entry is None or entry.snapshot["station"] != station.id:
        raise Refusal(Reason.RESERVATION_NOT_FOUND, f"{reservation} is not known at this station.")
    number, used_by = entry.snapshot["wire_id"], entry.snapshot.get("transaction")
    return lambda one: one.reservation_id == number or one.name == used_by


def sent_transaction_id(version: str, transaction_id: str) -> str:
    """OCPP's transaction id as the station takes it: in some versions a number of 32 bits.

    Raises: Refusal (INVALID_REQUEST) when such a station cannot be sent this id.
    """
    able = capabilities_of(version)
    if able is None or not able.numeric_transaction_ids:
        return transaction_id
    number = int(transaction_id) if _INT32.fullmatch(transaction_id) else None
    if number is None or not -(2**31) <= number < 2**31:
        raise bad_field(
            Reason.INVALID_REQUEST,
            "transaction_id",
            f"must be a number of 32 bits: the station speaks OCPP {version}",
        )
    return str(number)


def _told_to_begin(running: list[Transaction]) -> list[Transaction]:
    """Without those that were only metered on the plug of one that was told to begin.

    They may be that session under a wrong id; the stop tries it when the station refuses.
    """
    plugs_in_use = {one.evse_id for one in running if not one.observed_only}
    return [one for one in running if not (one.observed_only and one.evse_id in plugs_in_use)]


def _only(station: str, running: list[Transaction]) -> StopTarget:
    if not running:
        raise Refusal(
            Reason.NO_RUNNING_SESSION,
            f"No running session at {names.station_name(station)} fits the target. "
            "ListTransactions shows what is known; a session that we never heard of can be "
            "stopped by its transaction_id.",
        )
    if len(running) > 1:
        shown = running[:_SHOWN_SESSIONS]
        listed = ", ".join(names.transaction_name(one.station, one.name) for one in shown)
        raise Refusal(
            Reason.AMBIGUOUS_TARGET,
            f"{len(running)} running sessions fit the target: {listed}. Stop one by its name.",
            facts={"transactions": listed},
        )
    return _session_of(running[0])


def _session_of(transaction: Transaction) -> StopTarget:
    """Raises: Refusal for one that runs, as far as anybody knows, and that no stop can name."""
    if transaction.id_taken and transaction.state != ENDED:
        name = names.transaction_name(transaction.station, transaction.name)
        id = told_id(transaction.ocpp_transaction_id)
        raise Refusal(
            Reason.AMBIGUOUS_TARGET,
            f"A newer session of the station has the transaction id {id} of {name}, too: a stop "
            "that names it would end that one. Stop it at the station, or by a reset.",
            facts={"transactions": name},
        )
    return StopTarget(transaction.station, transaction.ocpp_transaction_id, transaction.name)


def _no_session(name: str, command: Command) -> Refusal:
    if command.state is State.DONE and is_definite(command.outcome):
        cause = command.outcome.cause if command.outcome else ""
        return Refusal(
            Reason.NO_RUNNING_SESSION, f"{name} ended without a session ({cause}): nothing to stop."
        )
    return Refusal(
        Reason.START_NOT_FINAL,
        f"{name} has not started a session yet. CancelCommand takes it back: what it still brings "
        "about is stopped.",
    )


EDGE = CommandEdge(
    kind=Kind.STOP_SESSION,
    check=check,
    read=read,
    find=find,
    said=said,
    show=show,
)
