"""Every wait of a command, as one value that travels with it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Every wait of a command, fixed when it is submitted so that replays agree. In seconds.

    answer_timeout_s: from the frame on the wire to "sent, no answer".
    connection_timeout_s: how long a station waits for the cable, when it did not tell us.
    effect_margin_s: added to the station's own timeout before "nothing happened" is said.
    stop_effect_s: from the accepted stop to the end of the transaction.
    guard_s: how long late evidence is acted on after a start was given up.
    reset_effect_s: from the accepted reset to the station's boot.
    reset_scheduled_s: how long a reset that the station has put off is followed.
    reconcile_s: from the boot until its connectors and sessions have been looked at again.
    """

    answer_timeout_s: float = 30.0
    connection_timeout_s: float = 120.0
    effect_margin_s: float = 15.0
    stop_effect_s: float = 120.0
    guard_s: float = 86_400.0
    reset_effect_s: float = 600.0
    reset_scheduled_s: float = 604_800.0
    reconcile_s: float = 30.0
