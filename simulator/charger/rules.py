"""The rules by which chargers of different OCPP versions handle sessions and reservations."""

from dataclasses import dataclass

from simulator.config import StationConfig, TxStart


@dataclass(frozen=True)
class ChargerRules:
    """How a charger handles sessions and reservations.

    tx_start: the condition that begins a transaction.
    power_w: the power at which every session charges.
    connector_types: EVSE n has the n-th type; after the last one the list begins again.
    token_uses_reservation: True: a reservation is used when its token is shown (2.x). False: it is
        used when a transaction begins (1.6).
    shows_any_reservation: True: the last free EVSEs show Reserved when reservations of any EVSE
        need all of them (2.x). False: only an EVSE with a reservation of its own shows Reserved.
    """

    tx_start: TxStart
    power_w: float
    connector_types: tuple[str, ...] = ("cType2",)
    token_uses_reservation: bool = True
    shows_any_reservation: bool = True


def rules_of(config: StationConfig) -> ChargerRules:
    """The rules for a station of the configured version."""
    is_v2 = config.version != "1.6"
    return ChargerRules(
        tx_start=config.tx_start if is_v2 else TxStart.POWER_PATH_CLOSED,
        power_w=config.power_w,
        connector_types=config.connector_types,
        token_uses_reservation=is_v2,
        shows_any_reservation=is_v2,
    )
