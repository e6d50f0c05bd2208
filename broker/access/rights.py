"""Which right each method needs. Pure.

A call is looked at twice. When its headers have come, it is refused if its credential has none of
the rights that can open the method. When its request has been read, the servicer asks for the
rights that this very request needs: a Reset needs `hard-reset` when it ends sessions, and `command`
when it does not.
"""

from broker.errors import Reason, Refusal
from broker.settings import Right
from domain.model.specs import Kind

Rights = tuple[Right, ...]

_CANCELLED_WITH = {
    Kind.START_SESSION: Right.COMMAND,
    Kind.STOP_SESSION: Right.COMMAND,
    Kind.UNLOCK_CONNECTOR: Right.COMMAND,
    Kind.RESET: Right.COMMAND,
    Kind.RESERVE_NOW: Right.RESERVE,
    Kind.CANCEL_RESERVATION: Right.RESERVE,
}

OWN: Rights = ()
"""No right is needed: the method is about the credential itself, or tells nothing of a tenant."""

_PACKAGE = "/evcommand.v1."
_REFLECTION = "/grpc.reflection."
_READ, _COMMAND, _RESERVE = (Right.READ,), (Right.COMMAND,), (Right.RESERVE,)
_ADMIN, _TOKENS = (Right.ADMIN,), (Right.TOKENS,)

_METHODS: dict[str, Rights] = {
    "RemoteCommandService/StartSession": _COMMAND,
    "RemoteCommandService/StopSession": _COMMAND,
    "RemoteCommandService/UnlockConnector": (Right.UNLOCK,),
    "RemoteCommandService/Reset": (Right.COMMAND, Right.HARD_RESET),
    "RemoteCommandService/ReserveNow": _RESERVE,
    "RemoteCommandService/CancelReservation": _RESERVE,
    "RemoteCommandService/GetCommand": _READ,
    "RemoteCommandService/ListCommands": _READ,
    "RemoteCommandService/WatchCommands": _READ,
    "RemoteCommandService/CancelCommand": (Right.COMMAND, Right.RESERVE),
    "RemoteCommandService/ExplainCommand": _READ,
    "ReservationService/GetReservation": _READ,
    "ReservationService/ListReservations": _READ,
    "ReservationService/WatchReservations": _READ,
    "ReservationService/UpdateReservation": _RESERVE,
    "StationService/CreateStation": _ADMIN,
    "StationService/GetStation": _READ,
    "StationService/ListStations": _READ,
    "StationService/UpdateStation": _ADMIN,
    "StationService/DeleteStation": _ADMIN,
    "StationService/ListTransactions": _READ,
    "StationService/GetTransaction": _READ,
    "TokenService/PutToken": _TOKENS,
    "TokenService/GetToken": _TOKENS,
    "TokenService/ListTokens": _TOKENS,
    "TokenService/DeleteToken": _TOKENS,
    "CallbackService/GetCallbackSettings": OWN,
    "CallbackService/UpdateCallbackSettings": OWN,
    "CallbackService/RotateCallbackSecret": OWN,
    "CallbackService/ListCallbackDeliveries": _READ,
    "CallbackService/ResendCallbackDelivery": _COMMAND,
}
"""The rights of which a method needs one."""


def method_rights(method: str) -> Rights | None:
    """The rights of which a method (`/PACKAGE.SERVICE/METHOD`) needs one. None: it is not known."""
    if method.startswith(_REFLECTION):
        return OWN
    return _METHODS.get(method.removeprefix(_PACKAGE))


def methods_of(right: Right) -> list[str]:
    """The names of the methods that this right opens, or helps to open."""
    return [name.partition("/")[2] for name, needed in _METHODS.items() if right in needed]


def check_method(method: str, has: frozenset[Right], credential: str) -> None:
    """Go on only when a credential with these rights may call the method.

    A method that is not known needs `admin`.

    Raises: Refusal (RIGHT_MISSING).
    """
    needed = method_rights(method)
    needed = (Right.ADMIN,) if needed is None else needed
    if needed and has.isdisjoint(needed):
        raise right_missing(needed, credential)


def right_missing(needed: Rights, credential: str) -> Refusal:
    """The refusal of a call whose credential has none of the rights that open it."""
    named = " or ".join(right.value for right in needed)
    added = needed[0].value
    return Refusal(
        Reason.RIGHT_MISSING,
        f"The credential {credential} has not the right {named}. Whoever runs the broker grants "
        f"it: +{added} in an API key's setting, {added} in a token's claim of rights.",
        facts={"right": added},
    )


def right_to_cancel(kind: Kind) -> Right:
    """The right that takes back a command of this kind."""
    return _CANCELLED_WITH[kind]
