"""What a station can be asked for: checked before anything is sent. Pure."""

import re
from collections.abc import Iterable

from broker.asks import PlainToken, StartAsk
from broker.errors import Reason, Refusal, bad_field

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
    if ask.connector_id is None:
        return
    of_evse = {number for evse, number in connectors if evse == ask.evse_id and number > 0}
    if (of_evse or {1}) != {ask.connector_id}:
        raise bad_field(
            Reason.NOT_POSSIBLE_ON_STATION,
            "connector_id",
            "OCPP starts a session on an EVSE and can name its connector only when it is the "
            "only one; leave connector_id out",
        )


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


def not_built(method: str) -> Refusal:
    """The refusal of a command kind that this version of the broker does not do."""
    return Refusal(
        Reason.NOT_BUILT,
        f"{method} is not implemented in this version of the broker. "
        "StartSession and StopSession are.",
    )
