"""Column types and checks of values: instants, JSON, and limits on everything a station may send.

Times are stored as BIGINT microseconds since 1970 UTC, so that SQLite and PostgreSQL compare
and sort them alike. JSON is stored as text: PostgreSQL's own JSON refuses the escaped NUL that
a hostile station can send.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import BigInteger, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

INT32_MAX = 2**31 - 1

ID_LIMIT = 255
"""Characters of an identifier."""

WORD_LIMIT = 64
"""Characters of a word from a fixed vocabulary: a state, a status, a kind."""

TEXT_LIMIT = 500
"""Characters of descriptive text; longer text is cut."""


class InvalidValue(ValueError):
    """A value that no table may hold: too long, empty where a name must be, or out of range."""


class Instant(TypeDecorator[datetime]):
    """An aware datetime, stored as microseconds since the epoch."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else from_micros(value)


class Json(TypeDecorator[Any]):
    """A JSON document, stored as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else orjson.dumps(value).decode()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any | None:  # noqa: ARG002
        return None if value is None else orjson.loads(value)


def name_type(limit: int) -> TypeEngine[str]:
    """Text of at most `limit` characters that both databases sort byte by byte."""
    return String(limit).with_variant(String(limit, collation="C"), "postgresql")


def to_micros(value: datetime) -> int:
    """Microseconds since the epoch. Raises: InvalidValue for a datetime without a zone."""
    if value.tzinfo is None:
        raise InvalidValue("a time without a zone is no instant")
    return (value - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """The aware UTC datetime of a stored number."""
    return _EPOCH + timedelta(microseconds=value)


def clean(value: str) -> str:
    """Remove what a database refuses to store: NUL, and surrogates without a partner."""
    if value.isascii():
        return value.replace("\x00", "") if "\x00" in value else value
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def cut(value: str | None, limit: int = TEXT_LIMIT) -> str:
    """Clean descriptive text from outside and cut it at the limit. None becomes ""."""
    return clean(value[:limit]) if value else ""


def identifier(value: str, limit: int = ID_LIMIT) -> str:
    """Check a name that identifies something: it is kept whole or refused.

    Raises: InvalidValue when it is empty, longer than `limit` characters, or not storable.
    """
    if not 0 < len(value) <= limit:
        raise InvalidValue(f"an identifier has 1 to {limit} characters, not {len(value)}")
    if clean(value) != value:
        raise InvalidValue("an identifier cannot hold NUL or broken characters")
    return value


def optional_identifier(value: str | None, limit: int = ID_LIMIT) -> str | None:
    """As `identifier`, where None means absent."""
    return None if value is None else identifier(value, limit)


def int32(value: int) -> int:
    """Check that a number fits OCPP's 32-bit integer. Raises: InvalidValue when it does not."""
    if not -INT32_MAX - 1 <= value <= INT32_MAX:
        raise InvalidValue("a number outside 32 bits")
    return value


def optional_int32(value: int | None) -> int | None:
    """As `int32`, where None means absent."""
    return None if value is None else int32(value)


def lenient_int32(value: int | None) -> int | None:
    """The number when it fits OCPP's integer, else None: a larger one means nothing here."""
    return value if value is not None and -INT32_MAX - 1 <= value <= INT32_MAX else None


def int64(value: int | None) -> int | None:
    """A meter reading when it fits 64 bits; None when it is absent or does not fit."""
    return value if value is not None and -(2**63) <= value < 2**63 else None


def labels(value: Mapping[str, str]) -> dict[str, str]:
    """Labels as they are stored: long values are cut.

    Raises: InvalidValue for a key that is no identifier.
    """
    return {identifier(k): clean(v[:TEXT_LIMIT]) for k, v in value.items()}
