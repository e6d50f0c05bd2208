"""The words that an operator reads about a reservation in the Temporal web UI; never a token."""

from domain.markdown import plain
from domain.reservations.reservation import Reservation


def title(reservation: Reservation) -> str:
    """One line: "Reservation at CP001, EVSE 1, for ****1234, until 2026-11-25 18:00 UTC"."""
    place = f"EVSE {reservation.evse_id}" if reservation.evse_id is not None else "any EVSE"
    parts = [f"Reservation at {reservation.station}", place]
    if reservation.connector_type:
        parts.append(f"connector {reservation.connector_type}")
    parts.append(f"for {reservation.id_token.masked}")
    return ", ".join([*parts, f"until {reservation.expire_time:%Y-%m-%d %H:%M} UTC"])


def origin(reservation: Reservation) -> str:
    """What does not change about it, in Markdown: who asked, by which command, its number."""
    return "\n\n".join(
        [
            f"Asked by: {reservation.caller or 'a caller without credentials'}, "
            f"tenant {reservation.tenant}",
            f"Command: `{reservation.command}`",
            f"Number at the station: {reservation.wire_id}",
        ]
    )


def details(reservation: Reservation) -> str:
    """How it stands now, in Markdown: state, station, place, holder, end."""
    place = reservation.evse_id if reservation.evse_id is not None else "any"
    lines = [
        f"State: **{reservation.state.value}**",
        f"Station: {plain(reservation.station)}",
        f"EVSE: {place}",
        f"Holder: {plain(reservation.id_token.masked)}",
        f"Expires: {reservation.expire_time:%Y-%m-%d %H:%M:%S} UTC",
    ]
    if reservation.cause:
        lines.append(f"Why: {reservation.cause}: {plain(reservation.message)}")
    if reservation.progress:
        lines.append(f"Now: {plain(reservation.progress)}")
    change = reservation.change
    if change is not None:
        why = f": {plain(change.message)}" if change.message else ""
        lines.append(f"Latest change: **{change.state.value}**{why}")
    if reservation.cancel_reason:
        lines.append(f"Cancelled: {plain(reservation.cancel_reason)}")
    return "\n\n".join(lines)
