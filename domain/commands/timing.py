"""Every wait of a command, as one value that travels with it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Timing:
    """Every wait of a command, fixed when it is submitted so that replays agree. In seconds."""

    answer_timeout_s: float = field(
        default=30.0, metadata={"doc": 'from the frame on the wire to "sent, no answer".'}
    )
    connection_timeout_s: float = field(
        default=120.0,
        metadata={"doc": "how long a station waits for the cable, when it did not tell us."},
    )
    effect_margin_s: float = field(
        default=15.0,
        metadata={"doc": 'added to the station\'s own timeout before "nothing happened" is said.'},
    )
    stop_effect_s: float = field(
        default=120.0, metadata={"doc": "from the accepted stop to the end of the transaction."}
    )
    guard_s: float = field(
        default=86_400.0,
        metadata={"doc": "how long late evidence is acted on after a start was given up."},
    )
    reset_effect_s: float = field(
        default=600.0, metadata={"doc": "from the accepted reset to the station's boot."}
    )
    reset_scheduled_s: float = field(
        default=604_800.0,
        metadata={"doc": "how long a reset that the station has put off is followed."},
    )
    reconcile_s: float = field(
        default=30.0,
        metadata={
            "doc": "from the boot until its connectors and sessions have been looked at again."
        },
    )
