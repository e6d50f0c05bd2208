"""Building statements: one code path for two databases.

Statements are built once, at import, and bound to values when they run: SQLAlchemy then finds the
compiled text without walking the expression again. The one statement whose text differs between
SQLite and PostgreSQL is INSERT .. ON CONFLICT (`Upsert`).
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Executable, Table, bindparam, func, or_, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from fleet.engine.precompiled import precompiled

Tx = AsyncConnection
"""An open transaction (or a connection for reading). The caller begins, commits and closes it."""


class Upsert:
    """An INSERT .. ON CONFLICT, built for both dialects.

    Call it with a transaction to get the statement for that database.
    """

    def __init__(self, build: Callable[[Callable[[Table], Any]], Executable]) -> None:
        self._by_dialect = {
            "sqlite": precompiled(build(sqlite.insert)),
            "postgresql": build(postgresql.insert),
        }

    def __call__(self, tx: Tx) -> Executable:
        return self._by_dialect[tx.dialect.name]


def columns_of(
    table: Table, row_class: type, *, besides: frozenset[str] = frozenset()
) -> list[ColumnElement[Any]]:
    """The table's columns in the order of a row dataclass's fields: `row_class(*row)` works.

    besides: the last fields, which come from elsewhere.
    """
    return [table.c[each.name] for each in fields(row_class) if each.name not in besides]


def begins_with(column: ColumnElement[str], beginnings: Sequence[str]) -> ColumnElement[bool]:
    """Whether a text begins with one of these ones, letter by letter. Without any: always.

    SQLite's LIKE takes capitals for small letters.
    """
    if not beginnings:
        return true()
    return or_(*(func.substr(column, 1, len(each)) == each for each in beginnings))


def bound(table: Table, *names: str) -> dict[str, Any]:
    """VALUES (...) of these columns, each bound to a parameter of its own name."""
    return {name: bindparam(name, type_=table.c[name].type) for name in names}
