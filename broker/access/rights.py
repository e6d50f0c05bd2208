"""Which right each method needs. Pure.

A call is looked at twice. When its headers have come, it is refused if its credential has none of
the rights that can open the method. When its request has been read, the servicer asks for the
rights that this very request needs: a Reset needs `hard-reset` when it ends sessions, and `command`
when it does not.
"""

from collections.abc import Mapping

from broker.errors import Reason, Refusal
from broker.settings import Right

Rights = tuple[Right, ...]

OWN: Rights = ()
"""No right is needed: the method is about the credential itself, or tells nothing of a tenant."""

_PACKAGE = "/evcommand.v1."
_REFLECTION = "/grpc.reflection."
_READ, _COMMAND, _RESERVE = (Right.READ,), (Right.COMMAND,), (Right.RESERVE,)
_ADMIN, _TOKENS = (Right.ADMIN,), (Right.TOKENS,)

# A desk that books needs no other reservation, and whoever runs the pools no other station: so
# bookings have rights of their own. The wider ones open them too.
READS_BOOKINGS: Rights = (Right.BOOKINGS_READ, Right.READ)
WRITES_BOOKINGS: Rights = (Right.BOOKINGS_WRITE, Right.RESERVE)
RUNS_POOLS: Rights = (Right.POOLS_ADMIN, Right.ADMIN)

_METHODS: dict[str, Rights] = {
    "RemoteCommandService/GetCommand": _READ,
    "RemoteCommandService/ListCommands": _READ,
    "RemoteCommandService/WatchCommands": _READ,
    "RemoteCommandService/CancelCommand": (Right.COMMAND, Right.RESERVE),
    "RemoteCommandService/ExplainCommand": _READ,
    "RemoteCommandService/GetTruthReport": _READ,
    "ReservationService/GetReservation": _READ,
    "ReservationService/ListReservations": _READ,
    "ReservationService/WatchReservations": _READ,
    "ReservationService/UpdateReservation": _RESERVE,
    "StationService/CreateStation": _ADMIN,
    "StationService/GetStation": _READ,
    "StationService/ListStations": _READ,
    "StationService/UpdateStation": _ADMIN,
    "StationService/RotateStationPassword": _ADMIN,
    "StationService/DeleteStation": _ADMIN,
    "StationService/ListTransactions": _READ,
    "StationService/GetTransaction": _READ,
    "StationService/WatchStations": _READ,
    "StationService/WatchTransactions": _READ,
    "TokenService/PutToken": _TOKENS,
    "TokenService/GetToken": _TOKENS,
    "TokenService/ListTokens": _TOKENS,
    "TokenService/DeleteToken": _TOKENS,
    "CallbackService/GetCallbackSettings": OWN,
    "CallbackService/UpdateCallbackSettings": OWN,
    "CallbackService/RotateCallbackSecret": OWN,
    "CallbackService/ListCallbackDeliveries": _READ,
    "CallbackService/ResendCallbackDelivery": _COMMAND,
    "AuditService/ListAuditEntries": _ADMIN,
    "BookingService/PutBookingPolicy": RUNS_POOLS,
    "BookingService/GetBookingPolicy": READS_BOOKINGS,
    "BookingService/ListBookingPolicies": READS_BOOKINGS,
    "BookingService/CreatePool": RUNS_POOLS,
    "BookingService/GetPool": READS_BOOKINGS,
    "BookingService/ListPools": READS_BOOKINGS,
    "BookingService/UpdatePool": RUNS_POOLS,
    "BookingService/DeletePool": RUNS_POOLS,
    "BookingService/SearchAvailability": READS_BOOKINGS,
    "BookingService/CreateBooking": WRITES_BOOKINGS,
    "BookingService/GetBooking": READS_BOOKINGS,
    "BookingService/ListBookings": READS_BOOKINGS,
    "BookingService/WatchBookings": READS_BOOKINGS,
    "BookingService/ExplainBooking": READS_BOOKINGS,
    "BookingService/UpdateBooking": WRITES_BOOKINGS,
    "BookingService/ConfirmBooking": WRITES_BOOKINGS,
    "BookingService/CheckIn": WRITES_BOOKINGS,
    "BookingService/CancelBooking": WRITES_BOOKINGS,
    "BookingService/CreateBookingSeries": WRITES_BOOKINGS,
    "BookingService/CancelBookingSeries": WRITES_BOOKINGS,
    "BookingService/JoinWaitlist": WRITES_BOOKINGS,
    "BookingService/AcceptOffer": WRITES_BOOKINGS,
    "BookingService/SnoozeOffer": WRITES_BOOKINGS,
    "BookingService/LeaveWaitlist": WRITES_BOOKINGS,
    "BookingService/GetWaitlistEntry": READS_BOOKINGS,
    "BookingService/ListWaitlistEntries": READS_BOOKINGS,
    "BookingService/WatchWaitlist": READS_BOOKINGS,
}
"""The rights of which a method needs one, but for those that make commands."""


_READING = ("Get", "List", "Watch", "Explain", "Search")


def changes_something(method: str) -> bool:
    """Whether `/PACKAGE.SERVICE/METHOD` may change something. The others only tell something."""
    return not method.startswith(_REFLECTION) and not method.rpartition("/")[2].startswith(_READING)


class MethodRights:
    """The rights of which each method needs one.

    commands: those of the methods that make commands, which their edges tell.
    """

    def __init__(self, commands: Mapping[str, Rights]) -> None:
        self._methods = {
            **{f"RemoteCommandService/{name}": rights for name, rights in commands.items()},
            **_METHODS,
        }

    def of(self, method: str) -> Rights | None:
        """Those of `/PACKAGE.SERVICE/METHOD`; None: it is not known."""
        if method.startswith(_REFLECTION):
            return OWN
        return self._methods.get(method.removeprefix(_PACKAGE))

    def opened_by(self, right: Right) -> list[str]:
        """The names of the methods that this right opens, or helps to open."""
        return [name.partition("/")[2] for name, rights in self._methods.items() if right in rights]

    def check(self, method: str, has: frozenset[Right], credential: str) -> None:
        """Go on only when a credential with these rights may call the method.

        A method that is not known needs `admin`.

        Raises: Refusal (RIGHT_MISSING).
        """
        needed = self.of(method)
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
