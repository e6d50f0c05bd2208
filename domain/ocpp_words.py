"""What each OCPP version can express: one table for the broker, the dialects and the rules."""

from dataclasses import dataclass

from domain.model.specs import ResetMode


@dataclass(frozen=True)
class Capabilities:
    """What one version of OCPP has words for.

    id_token_chars: the longest token that fits into a frame.
    any_token_type: the type of a token is free text; else it is one of the version's own words.
    reset_modes: which restarts can be asked for. resets_evse: also of one EVSE alone.
    several_connectors: an EVSE may have more than one connector.
    connector_types: a reservation may name a type of connector.
    numeric_transaction_ids: transactions have ids of 32 bits, minted by the central system.
    transaction_status: the station can be asked about a transaction (GetTransactionStatus).
    reservation_ends_at_token: a reservation ends at the station when its token is shown, before the
        plug is in. Else it ends when the session starts.
    extended_frames: CALLRESULTERROR (type 5) and SEND (type 6) exist.
    large_messages: stations send reports of their configuration (NotifyReport), which are large.
    """

    id_token_chars: int
    any_token_type: bool
    reset_modes: frozenset[ResetMode]
    resets_evse: bool
    several_connectors: bool
    connector_types: bool
    numeric_transaction_ids: bool
    transaction_status: bool
    reservation_ends_at_token: bool
    extended_frames: bool
    large_messages: bool


_V16 = Capabilities(
    id_token_chars=20,
    any_token_type=True,
    reset_modes=frozenset({ResetMode.SOFT, ResetMode.HARD}),
    resets_evse=False,
    several_connectors=False,
    connector_types=False,
    numeric_transaction_ids=True,
    transaction_status=False,
    reservation_ends_at_token=False,
    extended_frames=False,
    large_messages=False,
)
_V201 = Capabilities(
    id_token_chars=36,
    any_token_type=False,
    reset_modes=frozenset({ResetMode.SOFT, ResetMode.HARD, ResetMode.ON_IDLE}),
    resets_evse=True,
    several_connectors=True,
    connector_types=True,
    numeric_transaction_ids=False,
    transaction_status=True,
    reservation_ends_at_token=True,
    extended_frames=False,
    large_messages=True,
)
_V21 = Capabilities(
    id_token_chars=255,
    any_token_type=True,
    reset_modes=frozenset(ResetMode),
    resets_evse=True,
    several_connectors=True,
    connector_types=True,
    numeric_transaction_ids=False,
    transaction_status=True,
    reservation_ends_at_token=True,
    extended_frames=True,
    large_messages=True,
)

CAPABILITIES: dict[str, Capabilities] = {"1.6": _V16, "2.0.1": _V201, "2.1": _V21}
"""By OCPP version, as in `Station.ocpp_version`."""


def capabilities_of(ocpp_version: str) -> Capabilities | None:
    """What the version has words for; None while the station's version is not known."""
    return CAPABILITIES.get(ocpp_version)
