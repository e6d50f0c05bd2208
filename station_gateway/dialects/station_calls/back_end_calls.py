"""What another back end (CSMS) asks of a station, as far as it would be taken for something else.

A start of the back end may be the cause of a session that a start of ours seems to have. A boot
that the back end asked for (TriggerMessage) is no restart. The payloads are as hostile as those of
a station: what cannot be read is no such request. The versions are told apart by their actions.
"""

import msgspec

from station_gateway.dialects import command_words, fields
from station_gateway.dialects.messages import Payload, TokenSeen
from station_gateway.dialects.station_calls.tokens import token_seen

_TOKEN_CHARS = 255


class StartAsked(msgspec.Struct, frozen=True):
    """A remote start of the back end. evse_id: None: any. remote_start_id: None on OCPP 1.6."""

    token: TokenSeen
    group: TokenSeen | None = None
    evse_id: int | None = None
    remote_start_id: int | None = None


STARTS = ("RemoteStartTransaction", "RequestStartTransaction")


def may_start(action: str) -> bool:
    """Whether a CALL that cannot be read may ask for a start. "": its action is not known."""
    return not action or action in STARTS


def start_asked(action: str, payload: Payload) -> StartAsked | None:
    """The start that a CALL of the back end asks for; None: it asks for none."""
    if action == "RemoteStartTransaction":
        token = _token(payload.get("idTag"), None)
        return None if token is None else StartAsked(token, None, _number(payload, "connectorId"))
    if action != "RequestStartTransaction" or (token := _typed(payload.get("idToken"))) is None:
        return None
    group = _typed(payload.get("groupIdToken"))
    return StartAsked(token, group, _number(payload, "evseId"), _number(payload, "remoteStartId"))


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
