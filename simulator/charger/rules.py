"""What tells one charger from another, whatever it is asked."""

from dataclasses import dataclass

from simulator.config import StationConfig, TxStart


@dataclass(frozen=True)
class Habits:
    """How a charger handles transactions and holds.

    connector_types: outlet n has the n-th, over and over.
    token_uses_hold: a hold is used up when its token is shown (2.x), else by a transaction (1.6).
    any_hold_shows: the last free outlets are shown as Reserved when holds of any outlet need them
        all (2.x); else only an outlet that is held itself is.
    """

    tx_start: TxStart
    power_w: float
    connector_types: tuple[str, ...] = ("cType2",)
    token_uses_hold: bool = True
    any_hold_shows: bool = True


def habits_of(config: StationConfig) -> Habits:
    """Those that a station of this version has."""
    newer = config.version != "1.6"
    return Habits(
        tx_start=config.tx_start if newer else TxStart.POWER_PATH_CLOSED,
        power_w=config.power_w,
        connector_types=config.connector_types,
        token_uses_hold=newer,
        any_hold_shows=newer,
    )
