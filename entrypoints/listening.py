"""The addresses of listeners, and what is said when a listener cannot start."""

from collections.abc import Iterator
from contextlib import contextmanager

from broker.settings import UnsafeBroker
from entrypoints.errors import CannotStart
from entrypoints.options import flag_of, variable_of
from station_gateway.settings import UnsafeStationListener


@contextmanager
def start_errors(setting: str, address: str) -> Iterator[None]:
    """Turns the errors of a listener that cannot start into CannotStart.

    setting: the name of the setting that says where to listen. address: its value.
    """
    try:
        yield
    except (UnsafeBroker, UnsafeStationListener, ValueError) as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        raise CannotStart(
            f"Cannot listen on {address}: {error}\n"
            f"Choose another address with {flag_of(setting)} or {variable_of(setting)}, "
            "or port 0 for a free one."
        ) from error


@contextmanager
def file_errors(setting: str) -> Iterator[None]:
    """Turns the errors of the file that this setting names into CannotStart."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise CannotStart(f"{flag_of(setting)}: {error}") from error


def joined(host: str, port: int) -> str:
    """HOST:PORT, or [HOST]:PORT of an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
