"""What a station can be asked for: checked before anything is sent. Pure."""

import re
from collections.abc import Iterable

from broker.commands.asks import PlainToken, ReserveAsk, ResetAsk, StartAsk, UnlockAsk
from broker.errors import Reason, Refusal, bad_field
from domain.model.specs import ResetMode

# How many characters of a token fit into a frame, by OCPP version.
TOKEN_LIMITS = {"1.6": 20, "2.0.1": 36, "2.1": 255}

_INT32 = re.compile(r"-?[0-9]{1,10}")


def check_token_fits(version: str, field: str, token: PlainToken | None) -> None:
    """Refuse a token that is too long for the station's OCPP version.

    An unknown version is not judged. Raises: Refusal.
    """
    limit = TOKEN_LIMITS.get(version)
    if token is not None and limit is not None and len(token.value) > limit:
        raise bad_field(
            Reason.NOT_POSSIBLE_ON_STATION,
            f"{field}.value",
            f"an OCPP {version} station takes at most {limit} characters",
        )


def check_start_fits(ask: StartAsk, version: str, connectors: Iterable[tuple[int, int]]) -> None:
    """Refuse a start that the station's OCPP version has no words for.

    connectors: (evse_id, connector_id) of what the station reported.

    Raises: Refusal.
    """
    check_token_fits(version, "id_token", ask.id_token)
    check_token_fits(version, "group_id_token", ask.group_id_token)
    if ask.connector_id is not None and not _is_only(ask.evse_id, ask.connector_id, connectors):
        raise _impossible(
            "connector_id",
            "OCPP starts a session on an EVSE and can name its connector only when it is the "
            "only one; leave connector_id out",
        )


def check_unlock_fits(ask: UnlockAsk, version: str) -> None:
    """Refuse a connector that OCPP 1.6 cannot name. Raises: Refusal."""
    if version == "1.6" and ask.evse_id is not None and ask.connector_id != 1:
        raise _impossible(
            "connector_id",
            "on OCPP 1.6 an EVSE has one connector; say connector_id 1, or leave evse_id out and "
            "give the connector's own number",
        )


_RESET_MODES = {
    "1.6": {ResetMode.SOFT, ResetMode.HARD},
    "2.0.1": {ResetMode.SOFT, ResetMode.HARD, ResetMode.ON_IDLE},
}


def check_reset_fits(ask: ResetAsk, version: str) -> None:
    """Refuse a restart that the station's OCPP version has no words for. Raises: Refusal."""
    if version == "1.6" and ask.evse_id is not None:
        raise _impossible("evse_id", "OCPP 1.6 restarts only the whole station; leave evse_id out")
    modes = _RESET_MODES.get(version)
    if modes is not None and ask.mode not in modes:
        known = ", ".join(sorted(mode.value for mode in modes))
        raise _impossible("mode", f"OCPP {version} knows {known}")


def check_reserve_fits(
    ask: ReserveAsk, version: str, connectors: Iterable[tuple[int, int]]
) -> None:
    """Refuse a hold that the station's OCPP version has no words for. Raises: Refusal."""
    check_token_fits(version, "id_token", ask.id_token)
    check_token_fits(version, "group_id_token", ask.group_id_token)
    if version == "1.6" and ask.connector_type:
        raise _impossible(
            "connector_type", "OCPP 1.6 knows no types of connectors; name the EVSE instead"
        )
    if ask.connector_id is not None and not _is_only(ask.evse_id, ask.connector_id, connectors):
        raise _impossible(
            "connector_id",
            "OCPP reserves an EVSE and can name its connector only when it is the only one; leave "
            "connector_id out, or give a connector_type (OCPP 2.x)",
        )


def _is_only(evse_id: int | None, connector_id: int, connectors: Iterable[tuple[int, int]]) -> bool:
    of_evse = {number for evse, number in connectors if evse == evse_id and number > 0}
    return (of_evse or {1}) == {connector_id}


def _impossible(field: str, description: str) -> Refusal:
    return bad_field(Reason.NOT_POSSIBLE_ON_STATION, field, description)


def wire_id_for(version: str, transaction_id: str) -> str:
    """The id as the station takes it: a number of 32 bits on OCPP 1.6.

    Raises: Refusal when an OCPP 1.6 station cannot be sent this id.
    """
    if version != "1.6":
        return transaction_id
    number = int(transaction_id) if _INT32.fullmatch(transaction_id) else None
    if number is None or not -(2**31) <= number < 2**31:
        raise bad_field(
            Reason.INVALID_REQUEST,
            "transaction_id",
            "must be a number of 32 bits: the station speaks OCPP 1.6",
        )
    return str(number)
