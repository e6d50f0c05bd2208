"""Statements that SQLAlchemy compiles once; on SQLite they go straight to the driver.

SQLAlchemy takes about 100 us to run a statement that it knows already (a greenlet, a cache key, a
cursor, an execution context); SQLite takes 10 us for it. So a statement at module level that is
marked with `precompiled` is compiled once by SQLAlchemy, and from then on only its values are
bound, by SQLAlchemy's own types. Everything else runs as always, and so does everything on
PostgreSQL.

Measured on SQLite (`python -m bench statement-cost`, us of CPU, SQLAlchemy's execution -> this one,
both on the connection of `fleet.engine.sqlite`): one statement 152 -> 38, one read with its
connection 269 -> 92, one change of the log in a transaction of its own 661 -> 493. That was before
a statement became one call of the driver (`LoopConnection.fetch`): 21 -> 16 on a faster machine.

This module is the one door to SQLAlchemy's compiler. It reads attributes of a compiled statement
that SQLAlchemy documents but does not promise (`_COMPILED`, `_BIND`). `check_compiler` runs when a
SQLite database is opened: it refuses to start, and says why, when one of them is gone or a
precompiled statement answers something else than SQLAlchemy's own execution.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import sqlalchemy
from sqlalchemy import ClauseElement, Executable, bindparam, column, select
from sqlalchemy.engine import CursorResult, Dialect, IteratorResult, Row
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from fleet.engine.sqlite import LoopConnection
from fleet.engine.values import Json

S = TypeVar("S", bound=Executable)
_Processor = Callable[[Any], Any]

_COMPILED = ("string", "positiontup", "binds", "post_compile_params", "literal_execute_params")
"""What is read of a compiled statement."""

_BIND = ("key", "required", "effective_value", "type")
"""What is read of each of its parameters."""

_marked: dict[Executable, "_Compiled | None"] = {}
"""The marked statements, compiled when they first run (None before)."""


class CompilerChanged(RuntimeError):
    """This version of SQLAlchemy compiles statements in a way that this module does not know."""


def precompiled(statement: S) -> S:
    """Mark a statement that lives as long as the program, with a parameter for each value."""
    _marked[statement] = None
    return statement


@contextmanager
def sqlalchemy_only() -> Iterator[None]:
    """Let SQLAlchemy run every statement inside of the block. For measurements and tests."""
    kept = dict(_marked)
    _marked.clear()
    try:
        yield
    finally:
        _marked.update(kept)


def check_compiler(dialect: Dialect) -> None:
    """Make sure that SQLAlchemy's compiler is as this module needs it.

    Raises: CompilerChanged, with what is missing.
    """
    value = bindparam("value", type_=Json())
    probe = select(column("value", Json())).where(column("value", Json()) == value)
    compiled = probe.compile(dialect=dialect)
    missing = [f"SQLCompiler.{name}" for name in _COMPILED if not hasattr(compiled, name)]
    missing += [f"BindParameter.{name}" for name in _BIND if not hasattr(value, name)]
    if missing:
        raise _changed(f"has no {', '.join(missing)}")
    form = _Compiled(compiled, _columns(probe, dialect))
    bound, row = form.bind({"value": {"a": 1}}), form.read(('{"a":1}',))
    if bound != ['{"a":1}'] or row != ({"a": 1},) or row.value != {"a": 1}:
        raise _changed(f"binds {bound!r} and reads {row!r}")


class SqliteConnection(AsyncConnection):
    """SQLAlchemy's connection, but marked statements go straight to the driver."""

    __slots__ = ("_driver",)

    _driver: LoopConnection

    @property
    def driver(self) -> LoopConnection:
        """The driver's connection. Raises: RuntimeError when this one was not started."""
        try:
            return self._driver
        except AttributeError:
            if self.sync_connection is None:
                raise RuntimeError("the connection was not started") from None
        found = self.sync_connection.connection.driver_connection
        self._driver = cast("LoopConnection", found)  # it has no other one in its life
        return self._driver

    async def execute(
        self, statement: Executable, parameters: Any = None, **options: Any
    ) -> CursorResult[Any]:
        """As SQLAlchemy's; of a marked statement: rows, `rowcount`, and names of columns."""
        # Many sets of parameters at once (a list) are SQLAlchemy's to run: executemany.
        if statement in _marked and (parameters is None or isinstance(parameters, dict)):
            form = _marked[statement] or _compile(statement, self.dialect)
            if form is not None:
                return await form.run(self.driver, parameters or {})
        return await super().execute(statement, parameters, **options)


class _Rows:
    """What a marked statement answered. What hardly anybody asks of it, SQLAlchemy's result tells.

    rowcount: how many rows it changed.
    """

    __slots__ = ("_meta", "_rows", "rowcount")

    def __init__(self, meta: SimpleResultMetaData, rows: list[Any], rowcount: int) -> None:
        self._meta = meta
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> list[Any]:
        return self._rows

    def first(self) -> Any | None:
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        return self._rows[0] if len(self._rows) == 1 else self._result().one()

    def scalar(self) -> Any | None:
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        return self._rows[0][0] if len(self._rows) == 1 else self._result().scalar_one()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result(), name)

    def _result(self) -> IteratorResult[Any]:
        return IteratorResult(self._meta, iter([tuple(row) for row in self._rows]))


class _Compiled:
    """A compiled statement: its text, how to bind its values, and how to read its rows."""

    def __init__(self, compiled: SQLCompiler, columns: list[tuple[str, _Processor | None]]) -> None:
        dialect = compiled.dialect
        self._sql = compiled.string
        self._binds = []
        for name in compiled.positiontup or ():
            bind = compiled.binds[name]
            processor = bind.type.dialect_impl(dialect).bind_processor(dialect)
            self._binds.append((bind.key, bind.required, bind.effective_value, processor))
        self._meta = SimpleResultMetaData([key for key, _ in columns])
        self._places = self._meta._key_to_index
        readers = [read for _, read in columns]
        self._readers: Any = readers if any(readers) else None

    async def run(self, driver: LoopConnection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Run the statement with these values. Raises: KeyError for one that is missing."""
        rows, count = await driver.fetch(self._sql, self.bind(values))
        read = [self.read(row) for row in rows] if rows else rows
        return cast("CursorResult[Any]", _Rows(self._meta, read, count))

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of the text, as the driver stores them."""
        bound = []
        for key, required, default, processor in self._binds:
            value = values[key] if required or key in values else default
            bound.append(value if processor is None else processor(value))
        return bound

    def read(self, row: tuple[Any, ...]) -> "Row[Any]":
        """The driver's row, with each value as the column's type reads it."""
        return Row(self._meta, self._readers, self._places, row)


def _compile(statement: Executable, dialect: Dialect) -> "_Compiled | None":
    """None when the text depends on the values: SQLAlchemy has to run it each time."""
    compiled = cast("SQLCompiler", cast("ClauseElement", statement).compile(dialect=dialect))
    if compiled.post_compile_params or compiled.literal_execute_params:
        del _marked[statement]
        return None
    form = _marked[statement] = _Compiled(compiled, _columns(statement, dialect))
    return form


def _columns(statement: Executable, dialect: Dialect) -> list[tuple[str, _Processor | None]]:
    return [
        (each.key, each.type.dialect_impl(dialect).result_processor(dialect, None))
        for each in getattr(statement, "exported_columns", ())
    ]


def _changed(what: str) -> CompilerChanged:
    return CompilerChanged(
        f"SQLAlchemy {sqlalchemy.__version__} {what}: fleet/engine/precompiled.py needs it. "
        "Install the version of requirements.lock, or adapt that module."
    )
