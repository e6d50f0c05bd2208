"""Transactions of the fleet as the domain's sessions."""

from dataclasses import replace

from domain.evidence.sessions import Session, TokenState
from fleet import remote_starts
from fleet.engine.statements import Tx
from fleet.transactions.judged import is_elsewhere, is_requested, is_unjudged, knows_group
from fleet.transactions.rows import Transaction
from journal.back_end.reading import certainly_theirs


def token_state_of(row: Transaction) -> TokenState:
    """What a row knows about its token.

    A row without a token was never judged, nor was one whose token is known from our request alone.
    """
    if is_unjudged(row):
        return TokenState.NOT_JUDGED
    if row.authorized:
        return TokenState.ACCEPTED
    if row.token_digest is None or is_requested(row, row.token_digest):
        return TokenState.NOT_TOLD
    return TokenState.REFUSED


def session_of(row: Transaction) -> Session:
    """A session whose start was never told counts as begun when we first heard of it."""
    return Session(
        name=row.name,
        ocpp_transaction_id=row.ocpp_transaction_id,
        start_time=row.start_time or row.received_time,
        received_time=row.received_time,
        evse_id=row.evse_id,
        token_digest=row.token_digest,
        group_digest=row.group_digest,
        remote_start_id=row.remote_start_id,
        clock_suspect=row.clock_suspect,
        token_state=token_state_of(row),
        active=row.state == "ACTIVE",
        observed_only=row.observed_only,
        charging_state=row.charging_state,
        stop_time=row.stop_time,
        stop_received_time=row.stop_received_time,
        stop_reason=row.stop_reason,
        meter_start_wh=row.meter_start_wh,
        meter_stop_wh=row.meter_stop_wh,
        reservation_id=row.reservation_id,
        token_known=not row.token_unknown,
        group_known=knows_group(row),
        judged_elsewhere=is_elsewhere(row),
        token_time=row.token_time,
        offline=row.offline,
        epoch=row.epoch,
        start_slack_s=row.start_slack_s,
        end_reported=not row.end_unreported or row.stop_time is not None,
        alive_time=row.alive_time,
        may_repeat=row.may_repeat,
        has_charged=row.has_charged,
        id_taken=row.id_taken,
    )


async def sessions_of(
    tx: Tx, station: str, kind: str, rows: list[Transaction]
) -> tuple[Session, ...]:
    """The sessions of one station, with those marked that name no frame of this kind.

    And those that name a start of another back end.
    """
    numbers = {row.remote_start_id for row in rows if row.remote_start_id is not None}
    known = await remote_starts.known_numbers(tx, station, kind, numbers)
    strays = numbers - known
    stray = [session_of(row) for row in rows if row.remote_start_id in strays]
    theirs = await certainly_theirs(tx, station, stray)
    return tuple(
        replace(
            session_of(row),
            names_nothing=row.remote_start_id in strays,
            names_theirs=row.name in theirs,
        )
        for row in rows
    )
