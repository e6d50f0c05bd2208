"""Statements that are built once, and on SQLite run without SQLAlchemy between them and the driver.

SQLAlchemy takes about 100 us to run a statement that it knows already (a greenlet, a cache key, a
cursor, an execution context); SQLite takes 10 us for it. So a statement at module level that is
marked here is compiled once by SQLAlchemy, and then only its values are bound, by SQLAlchemy's own
types. Everything else runs as always, and so does everything on PostgreSQL.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from sqlalchemy import ClauseElement, Executable
from sqlalchemy.engine import CursorResult, Dialect, IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from fleet.engine.sqlite import LoopConnection

S = TypeVar("S", bound=Executable)
_Processor = Callable[[Any], Any]

_forms: dict[Executable, "_Form | None"] = {}
"""The marked statements. None: not compiled yet, or SQLAlchemy has to run it."""


def fixed(statement: S) -> S:
    """Mark a statement that lives as long as the program, with a parameter for each value."""
    _forms[statement] = None
    return statement


class SqliteConnection(AsyncConnection):
    """A connection that sends marked statements straight to the driver."""

    __slots__ = ()

    @property
    def driver(self) -> LoopConnection:
        """The connection below SQLAlchemy's."""
        if self.sync_connection is None:
            raise RuntimeError("the connection was not started")
        return cast("LoopConnection", self.sync_connection.connection.driver_connection)

    async def execute(
        self, statement: Executable, parameters: Any = None, **options: Any
    ) -> CursorResult[Any]:
        """As SQLAlchemy's, with rows, `rowcount`, and names of columns."""
        if statement in _forms and (parameters is None or isinstance(parameters, Mapping)):
            form = _forms[statement] or _compile(statement, self.dialect)
            if form is not None:
                return await form.run(self.driver, parameters or {})
        return await super().execute(statement, parameters, **options)


class _Result(IteratorResult[Any]):
    rowcount: int


class _Form:
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
        self._readers = [
            (place, read) for place, (_, read) in enumerate(columns) if read is not None
        ]

    async def run(self, driver: LoopConnection, values: Mapping[str, Any]) -> CursorResult[Any]:
        cursor = await driver.cursor().execute(self._sql, self._bound(values))
        result = _Result(self._meta, iter([self._row(row) for row in await cursor.fetchall()]))
        result.rowcount = cursor.rowcount
        return cast("CursorResult[Any]", result)

    def _bound(self, values: Mapping[str, Any]) -> list[Any]:
        bound = []
        for key, required, default, processor in self._binds:
            value = values[key] if required or key in values else default
            bound.append(value if processor is None else processor(value))
        return bound

    def _row(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        if not self._readers:
            return row
        values = list(row)
        for place, read in self._readers:
            values[place] = read(values[place])
        return tuple(values)


def _compile(statement: Executable, dialect: Dialect) -> "_Form | None":
    compiled = cast("SQLCompiler", cast("ClauseElement", statement).compile(dialect=dialect))
    if compiled.post_compile_params or compiled.literal_execute_params:
        del _forms[statement]  # its text depends on its values
        return None
    columns = [
        (column.key, column.type.dialect_impl(dialect).result_processor(dialect, None))
        for column in getattr(statement, "exported_columns", ())
    ]
    form = _forms[statement] = _Form(compiled, columns)
    return form
