"""Which errors mean that the database is unavailable, and not that a statement was wrong."""

import asyncio
import sqlite3
from typing import Any

from sqlalchemy import exc


class DatabaseUnavailable(Exception):
    """The database cannot be reached, does not answer in time, or cannot write.

    The write or read was perhaps done and perhaps not; nothing was acknowledged.
    """


# Primary result codes (https://www.sqlite.org/rescode.html): BUSY, LOCKED, NOMEM, READONLY, IOERR,
# CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB.
_SQLITE_CODES = {5, 6, 7, 8, 10, 11, 13, 14, 15, 26}

# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, invalid authorization,
# no such database, resources, cancelled or shut down, system; read-only, idle or lock timeout.
_POSTGRES_CLASSES = ("08", "28", "3D", "53", "57", "58")
_POSTGRES_CODES = ("25006", "25P03", "25P04", "55P03")
_DEADLOCKS = ("40P01", "40001")


def is_unavailable(error: BaseException) -> bool:
    """Whether this error of a statement or a connection attempt means "unavailable"."""
    if isinstance(error, exc.TimeoutError | TimeoutError | asyncio.TimeoutError | OSError):
        return True
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated or is_unavailable_driver_error(error.orig)
    return is_unavailable_driver_error(error)


def is_unavailable_driver_error(error: BaseException | None) -> bool:
    """As `is_unavailable`, for an error of the driver (sqlite3, asyncpg) itself."""
    if isinstance(error, sqlite3.Error):
        return _sqlite_code(error) in _SQLITE_CODES
    state = _sqlstate(error)
    if state:
        return state.startswith(_POSTGRES_CLASSES) or state in _POSTGRES_CODES
    text = str(error).lower() if error is not None else ""
    return "connection" in text and ("closed" in text or "lost" in text or "released" in text)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection holds the lock that SQLite needed."""
    return _sqlite_code(error) in (5, 6)


def is_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL chose this transaction to break a deadlock: it can simply be repeated."""
    return isinstance(error, exc.DBAPIError) and _sqlstate(error.orig) in _DEADLOCKS


def as_unavailable(error: BaseException) -> DatabaseUnavailable:
    """The error as DatabaseUnavailable; without the statement and its values, which are secret."""
    cause: Any = error.orig if isinstance(error, exc.DBAPIError) else error
    text = str(cause).splitlines()[0][:200] if str(cause) else ""
    return DatabaseUnavailable(f"the database is not available: {type(cause).__name__} {text}")


def _sqlite_code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def _sqlstate(error: BaseException | None) -> str:
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return str(state) if state else ""
