"""What another back end (CSMS) asks of a station, as far as it would be taken for something else.

A start of the back end may be the cause of a session that a start of ours seems to have, and its
reset that of a boot. A boot that the back end asked for (TriggerMessage) is no restart. The
payloads are as hostile as those of a station: what cannot be read is left out. The versions are
told apart by their actions.
"""

from datetime import datetime, timedelta

import msgspec

from domain.model.specs import Kind
from station_gateway.dialects import command_words, fields
from station_gateway.dialects.mending.mends import LONGEST_ID, number_id
from station_gateway.dialects.messages import Payload, TokenSeen
from station_gateway.dialects.printable import printable
from station_gateway.dialects.station_calls.tokens import token_seen

_TOKEN_CHARS = 255


class StartAsked(msgspec.Struct, frozen=True):
    """A remote start of the back end. evse_id: None: any. remote_start_id: None on OCPP 1.6."""

    token: TokenSeen
    group: TokenSeen | None = None
    evse_id: int | None = None
    remote_start_id: int | None = None


STARTS = ("RemoteStartTransaction", "RequestStartTransaction")


def start_asked(action: str, payload: Payload) -> StartAsked | None:
    """The start that a CALL of the back end asks for; None: it asks for none."""
    if action == "RemoteStartTransaction":
        token = _token(payload.get("idTag"), None)
        return None if token is None else StartAsked(token, None, _number(payload, "connectorId"))
    if action != "RequestStartTransaction" or (token := _typed(payload.get("idToken"))) is None:
        return None
    group = _typed(payload.get("groupIdToken"))
    return StartAsked(token, group, _number(payload, "evseId"), _number(payload, "remoteStartId"))


class CommandAsked(msgspec.Struct, frozen=True):
    """A command of the back end, as far as it could be read. It holds no token.

    mode: OCPP's word for how to reset, "" for other commands. named_id: of the transaction that is
    to stop. number, expire_time: of the reservation.
    """

    kind: Kind
    evse_id: int | None = None
    mode: str = ""
    named_id: str = ""
    number: int | None = None
    expire_time: datetime | None = None


ACTIONS = {
    **{"".join(map(str.capitalize, kind.value.split("_"))): kind for kind in Kind},
    **dict.fromkeys(STARTS, Kind.START_SESSION),
    **dict.fromkeys(("RemoteStopTransaction", "RequestStopTransaction"), Kind.STOP_SESSION),
}
"""The commands of all versions, by their actions: OCPP names all but starts and stops as we do."""


def is_start(action: str) -> bool:
    """Whether a CALL of the back end asks for a start, also where its token cannot be read."""
    return action in STARTS


def may_command(action: str) -> bool:
    """Whether a CALL that cannot be read may be a command. "": its action is not known."""
    return not action or action in ACTIONS


_MODE_CHARS = 64
_LONGEST_RESERVATION_S = 366 * 86_400


def command_asked(action: str, payload: Payload, now: datetime) -> CommandAsked | None:
    """The command that a CALL of the back end is; None: it is none. What is odd in it is left out.

    OCPP 1.6 has connectors where 2.x has EVSEs.
    """
    kind = ACTIONS.get(action)
    if kind is None:
        return None
    evse_id = _number(payload, "evseId") or _number(payload, "connectorId")
    mode = payload.get("type") if action == "Reset" else ""
    return CommandAsked(
        kind=kind,
        evse_id=evse_id,
        mode=printable(mode, _MODE_CHARS) if isinstance(mode, str) else "",
        named_id=_id(payload.get("transactionId")),
        number=_reservation(payload.get("reservationId", payload.get("id"))),
        expire_time=_expiry(payload.get("expiryDate", payload.get("expiryDateTime")), now),
    )


def _expiry(value: object, now: datetime) -> datetime | None:
    """When a reservation ends: some time ahead, which is no time that a station would tell."""
    ahead_s = fields.read_time(value, now).raw_skew_s if isinstance(value, str) else None
    is_near = ahead_s is not None and abs(ahead_s) <= _LONGEST_RESERVATION_S
    return now + timedelta(seconds=ahead_s) if is_near and ahead_s is not None else None


def _id(value: object) -> str:
    """The id of a transaction: a text, or a number (OCPP 1.6)."""
    if isinstance(value, str):
        return printable(value, LONGEST_ID)
    return "" if (number := _whole(value)) is None else str(number)


def _reservation(value: object) -> int | None:
    """The number of a reservation, also as a text: a station that takes it acts on it."""
    number = _whole(value)
    return number if number is not None else number_id(value)


def _whole(value: object) -> int | None:
    return value if type(value) is int and abs(value) <= fields.INT32_MAX else None


def asks_to_boot(action: str, payload: Payload) -> bool:
    """Whether a CALL of the back end asks the station to send a boot."""
    asked, wanted = command_words.ask_boot()
    key = "requestedMessage"
    return action == asked and payload.get(key) == wanted[key]


MOVING = frozenset({"SetNetworkProfile", "UpdateFirmware", "SignedUpdateFirmware"})
"""Actions after which a station may connect to another back end, past us."""

_BACK_END_KEYS = ("url", "csms", "centralsystem", "networkconfigurationpriority")
"""What a key of OCPP 1.6 or a variable of 2.x has in its name that says where to connect to."""


def may_move_away(action: str, payload: Payload) -> bool:
    """Whether a CALL of the back end may have the station connect past us from now on."""
    if action in MOVING:
        return True
    if action == "ChangeConfiguration":
        return _names_back_end(payload.get("key"))
    if action != "SetVariables" or not isinstance(sets := payload.get("setVariableData"), list):
        return False
    variables = [each.get("variable") for each in sets if isinstance(each, dict)]
    return any(_names_back_end(each.get("name")) for each in variables if isinstance(each, dict))


def _names_back_end(name: object) -> bool:
    return isinstance(name, str) and any(key in name.casefold() for key in _BACK_END_KEYS)


def _typed(token: object) -> TokenSeen | None:
    if not isinstance(token, dict):
        return None
    type_ = token.get("type")
    return _token(token.get("idToken"), type_ if isinstance(type_, str) else None)


def _token(value: object, type_: str | None) -> TokenSeen | None:
    if not isinstance(value, str) or not 0 < len(value) <= _TOKEN_CHARS:
        return None
    return token_seen(value, type_)


def _number(payload: Payload, key: str) -> int | None:
    value = payload.get(key)
    return value if type(value) is int and 0 < value <= fields.INT32_MAX else None
