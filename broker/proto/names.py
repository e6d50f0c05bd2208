"""Resource names: `stations/{station}` and the others, with the identity URL-escaped. Pure.

`..._name` makes a name. `parse_...` reads a name that a client sent, and returns None when it is
not such a name. `..._in` reads a name that was checked before.
"""

import re
from typing import TypeVar
from urllib.parse import quote, unquote
from uuid import UUID

_T = TypeVar("_T")

_ID_LIMIT = 255
_RESERVATION = re.compile(r"[0-9a-f]{24}")
# An escape stands for one of up to four bytes of a character. What need not be escaped to be
# understood is taken as it is: a space, a letter of any script.
_ESCAPED = re.compile(r"(?:[^/%]|%[0-9A-Fa-f]{2}){1,1020}")

_DELIVERY = re.compile(r"callbackDeliveries/(msg_[0-9a-f]{32})")


def station_name(station: str) -> str:
    """`stations/{station}`."""
    return f"stations/{quote(station, safe='*-_=+|@.:')}"


def transaction_name(station: str, transaction: str) -> str:
    """`stations/{station}/transactions/{transaction}`."""
    return f"{station_name(station)}/transactions/{quote(transaction, safe='')}"


def command_name(command: str) -> str:
    """`commands/{command}`."""
    return f"commands/{command}"


def parse_station(name: str) -> str | None:
    """The identity in `stations/{station}`; None when it is not such a name."""
    match name.split("/"):
        case ["stations", station]:
            return _unescape(station)
    return None


def parse_transaction(name: str) -> tuple[str, str] | None:
    """(station, transaction) of `stations/{station}/transactions/{transaction}`, else None."""
    match name.split("/"):
        case ["stations", station, "transactions", transaction]:
            identity, id = _unescape(station), _unescape(transaction)
            return (identity, id) if identity and id else None
    return None


def parse_command(name: str) -> str | None:
    """The request id in `commands/{command}`; None when it is not such a name."""
    match name.split("/"):
        case ["commands", command]:
            return parse_uuid(command)
    return None


def reservation_name(reservation: str) -> str:
    """`reservations/{reservation}`."""
    return f"reservations/{reservation}"


def parse_reservation(name: str) -> str | None:
    """The id in `reservations/{reservation}`; None when it is not such a name."""
    match name.split("/"):
        case ["reservations", reservation]:
            return reservation if _RESERVATION.fullmatch(reservation) else None
    return None


def delivery_name(delivery: str) -> str:
    """`callbackDeliveries/{id}`."""
    return f"callbackDeliveries/{delivery}"


def parse_delivery(name: str) -> str | None:
    """The id in `callbackDeliveries/{id}`; None when it is not such a name."""
    match = _DELIVERY.fullmatch(name)
    return match[1] if match else None


def parse_uuid(text: str) -> str | None:
    """A UUID in its canonical form; None when it is none. Only the 36-character form is taken."""
    if len(text) != 36:
        return None
    try:
        parsed = str(UUID(text))
    except ValueError:
        return None
    return parsed if parsed == text.lower() else None


def station_in(name: str) -> str:
    """The station's identity in a valid name."""
    return _valid(parse_station(name))


def command_in(name: str) -> str:
    """The request id in a valid name."""
    return _valid(parse_command(name))


def transaction_in(name: str) -> tuple[str, str]:
    """(station, transaction) of a valid name."""
    return _valid(parse_transaction(name))


def reservation_in(name: str) -> str:
    """The reservation's id in a valid name."""
    return _valid(parse_reservation(name))


def delivery_in(name: str) -> str:
    """The delivery's id in a valid name."""
    return _valid(parse_delivery(name))


def request_id_in(text: str) -> str | None:
    """The canonical request id; None when there is none."""
    return parse_uuid(text) if text else None


def transaction_out(station: str, transaction: str | None) -> str:
    """A transaction's resource name; empty for None."""
    return transaction_name(station, transaction) if transaction else ""


def reservation_out(reservation: str | None) -> str:
    """A reservation's resource name; empty for None."""
    return reservation_name(reservation) if reservation else ""


def _valid(parsed: _T | None) -> _T:
    if parsed is None:
        raise ValueError("the name was not checked")
    return parsed


def _unescape(part: str) -> str | None:
    if not _ESCAPED.fullmatch(part):
        return None
    try:
        identity = unquote(part, errors="strict")
    except UnicodeDecodeError:
        return None
    return identity if len(identity) <= _ID_LIMIT and identity.isprintable() else None
