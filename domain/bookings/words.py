"""The words that an operator reads of a booking in the Temporal web UI. Never a token."""

from domain.bookings.booking import Booking
from domain.markdown import plain


def title(booking: Booking) -> str:
    """One line: "Booking in pool hub, for ****1234, from 2026-12-01 14:00 to 15:00 UTC"."""
    return (
        f"Booking in pool {booking.pool}, for {booking.id_token.masked}, from "
        f"{booking.start_time:%Y-%m-%d %H:%M} to {booking.end_time:%Y-%m-%d %H:%M} UTC"
    )


def origin(booking: Booking) -> str:
    """What does not change about it, in Markdown."""
    return "\n\n".join(
        [
            f"Asked by: {booking.caller or 'a caller without credentials'}, "
            f"tenant {booking.tenant}",
            f"Policy: {booking.policy}, revision {booking.policy_revision}",
        ]
    )


def details(booking: Booking) -> str:
    """How it stands now, in Markdown."""
    lines = [
        f"**{booking.state}**",
        plain(booking.message or booking.progress),
        f"EVSE: {plain(booking.place)}" if booking.place else "",
        f"Reservation: `{booking.reservation}`" if booking.reservation else "",
        f"Transaction: `{booking.transaction}`" if booking.transaction else "",
        f"In its way: session `{booking.blocked.transaction}`" if booking.blocked else "",
    ]
    return "\n\n".join(line for line in lines if line)
