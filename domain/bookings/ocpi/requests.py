"""An OCPI BookingRequest as what CreateBooking, UpdateBooking and CancelBooking take.

Source: OCPI Bookings 1.1, BookingRequest. What another party sends is hostile until it is read:
each field is checked, and an error names it.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from domain.bookings.ocpi.statuses import CanceledReason, Cancellation, PartyRole
from domain.bookings.places import Needs
from domain.bookings.spans import Span

NOT_AVAILABLE = "#NA"
"""OCPI's word for an EVSE or a connector that is not chosen yet."""

MOST_KW = 10_000
MOST_TOKENS = 20
_IDS = uuid.UUID("9c3d3f7e-6f0c-5b5e-9a53-0d6f3c1f7a52")
"""The namespace of the ids that are made of a party's request ids."""

_TOKEN_TYPES = {
    "RFID": "ISO14443",
    "EMAID": "EMAID",
    "APP_USER": "CENTRAL",
    "AD_HOC_USER": "CENTRAL",
    "OTHER": "CENTRAL",
}
_FEATURES = ("drive_through", "refrigeration_outlet", "dangerous_goods_allowed")
"""What a BookableParkingOptions asks for that is a feature of a member when it is true."""


class OcpiRequestError(ValueError):
    """A request that cannot be read. field: its path in the object, as `period.start_from`."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}.")
        self.field = field


@dataclass(frozen=True)
class OcpiToken:
    """A driver's token. value: a secret. type: a word of IdTokenType. contract: whose it is."""

    value: str = field(repr=False)
    type: str
    contract: str


@dataclass(frozen=True)
class OcpiRequest:
    """What another party asks for.

    booking: the `request_id` of CreateBooking. All edits have the same one, so the same booking.
    request_id: as the party wrote it. evse_uid: "" for any.
    tokens: at least one; the first is the holder's. cancellation: None: it is no cancellation.
    """

    booking: str
    party: str
    request_id: str
    location_id: str
    span: Span
    tokens: tuple[OcpiToken, ...]
    needs: Needs
    authorization_reference: str
    evse_uid: str = ""
    cancellation: Cancellation | None = None

    @property
    def account(self) -> str:
        """The `account` of the holder: drivers of one contract use each other's bookings."""
        return self.tokens[0].contract


def request_of(message: Mapping[str, Any]) -> OcpiRequest:
    """What a BookingRequest asks for. Raises: OcpiRequestError, which names the field."""
    party = f"{_id(message, 'country_code', 2)}*{_id(message, 'party_id', 3)}".upper()
    request_id = _id(message, "request_id", 36)
    uid = _optional_id(message, "evse_uid")
    return OcpiRequest(
        booking=booking_id(party, request_id),
        party=party,
        request_id=request_id,
        location_id=_id(message, "location_id", 36),
        span=_period(message),
        tokens=_tokens(message),
        needs=Needs(frozenset(), _power_w(message), _features(message)),
        authorization_reference=_id(message, "authorization_reference", 36),
        evse_uid="" if uid == NOT_AVAILABLE else uid,
        cancellation=_cancellation(message),
    )


def booking_id(party: str, request_id: str) -> str:
    """The id of our booking: the request id when it is a UUID, else one that is made of it.

    OCPI's ids do not tell small letters from capital ones, and are unique for one party only.
    """
    try:
        return str(uuid.UUID(request_id))
    except ValueError:
        return str(uuid.uuid5(_IDS, f"{party}/{request_id.lower()}"))


def _period(message: Mapping[str, Any]) -> Span:
    period = _object(message, "period", "period")
    start = _time(period, "period.start_from")
    end = _time(period, "period.end_before")
    if end <= start:
        raise OcpiRequestError("period.end_before", "a time after start_from")
    return Span(start, end)


def _tokens(message: Mapping[str, Any]) -> tuple[OcpiToken, ...]:
    told = message.get("tokens")
    if not isinstance(told, list) or not 1 <= len(told) <= MOST_TOKENS:
        raise OcpiRequestError("tokens", f"1 to {MOST_TOKENS} tokens, the holder's first")
    tokens = tuple(_token(each, f"tokens[{place}]") for place, each in enumerate(told))
    for place, each in enumerate(tokens):
        if each.contract != tokens[0].contract:
            raise OcpiRequestError(
                f"tokens[{place}].contract_id", "the contract of the first token"
            )
    return tokens


def _token(told: object, path: str) -> OcpiToken:
    if not isinstance(told, Mapping):
        raise OcpiRequestError(path, "an object")
    kind = _TOKEN_TYPES.get(str(told.get("type")))
    if kind is None:
        raise OcpiRequestError(f"{path}.type", f"one of {', '.join(_TOKEN_TYPES)}")
    party = "*".join(
        _id(told, name, most, path) for name, most in (("country_code", 2), ("party_id", 3))
    )
    contract = _id(told, "contract_id", 36, path)
    return OcpiToken(_id(told, "uid", 36, path), kind, f"{party}*{contract}".upper())


def _power_w(message: Mapping[str, Any]) -> int:
    """The more of `power_required` (kW) and the period's `min_power` (W)."""
    needed = _number(message, "power_required", MOST_KW) * 1000
    least = _number(message["period"], "min_power", MOST_KW * 1000, "period.min_power")
    return round(max(needed, least))


def _features(message: Mapping[str, Any]) -> frozenset[str]:
    option = message.get("bookable_parking_option")
    if option is None:
        return frozenset()
    if not isinstance(option, Mapping):
        raise OcpiRequestError("bookable_parking_option", "an object")
    return frozenset(name for name in _FEATURES if option.get(name) is True)


def _cancellation(message: Mapping[str, Any]) -> Cancellation | None:
    if message.get("canceled") is None:
        return None
    told = _object(message, "canceled", "canceled")
    reasons, roles = list(CanceledReason), list(PartyRole)
    if told.get("cancellation_reason") not in reasons:
        raise OcpiRequestError("canceled.cancellation_reason", f"one of {', '.join(reasons)}")
    if told.get("who_canceled") not in roles:
        raise OcpiRequestError("canceled.who_canceled", f"one of {', '.join(roles)}")
    return Cancellation(
        CanceledReason(told["cancellation_reason"]), PartyRole(told["who_canceled"])
    )


# --- fields


def _object(message: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    value = message.get(name)
    if not isinstance(value, Mapping):
        raise OcpiRequestError(path, "an object")
    return value


def _id(message: Mapping[str, Any], name: str, most: int, inside: str = "") -> str:
    value = message.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= most or not _printable(value):
        path = f"{inside}.{name}" if inside else name
        raise OcpiRequestError(path, f"1 to {most} printable ASCII characters")
    return value


def _optional_id(message: Mapping[str, Any], name: str) -> str:
    return "" if message.get(name) is None else _id(message, name, 36)


def _printable(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _number(message: Mapping[str, Any], name: str, most: int, path: str = "") -> float:
    value = message.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise OcpiRequestError(path or name, f"a number from 0 to {most}")
    return value


def _time(period: Mapping[str, Any], path: str) -> datetime:
    """OCPI's DateTime: RFC 3339; one without a zone is UTC."""
    value = period.get(path.rpartition(".")[2])
    expected = 'a time as "2026-12-01T09:00:00Z"'
    if not isinstance(value, str) or "T" not in value:
        raise OcpiRequestError(path, expected)
    try:
        told = datetime.fromisoformat(value)
        return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError):
        raise OcpiRequestError(path, expected) from None
