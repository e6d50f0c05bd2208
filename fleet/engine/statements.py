"""Building statements: one code path for two databases.

Statements are built once, at import, and bound to values when they run: SQLAlchemy then finds the
compiled text without walking the expression again. The one statement whose text differs between
SQLite and PostgreSQL is INSERT .. ON CONFLICT (`Upsert`).
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Executable, Table, bindparam, func, literal, or_, true, tuple_
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


def before(columns: Sequence[ColumnElement[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
    """Whether these columns, taken together, come before these values: the next page of a list.

    One comparison of rows, because only that lets an index begin at the place. "a < x OR (a = x AND
    b < y)" means the same, and reads all that was on the pages before.
    """
    place = (
        value if isinstance(value, ColumnElement) else literal(value, each.type)
        for each, value in zip(columns, values, strict=True)
    )
    return tuple_(*columns) < tuple_(*place)
