"""`evcommand health`: asks the process of this machine whether it is well."""

import http.client

from entrypoints.errors import CannotStart
from entrypoints.settings import split_address

_ASK_S = 5.0
_ALL_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def says_yes(listen: str, path: str) -> bool:
    """Whether the process that listens there answers this path with yes. No answer is no.

    listen: HOST:PORT of its metrics. Raises: CannotStart when that is no address.
    """
    host, port = local_address(listen)
    connection = http.client.HTTPConnection(host, port, timeout=_ASK_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def local_address(listen: str) -> tuple[str, int]:
    """Where this machine reaches that listener: on loopback, if it listens on all addresses.

    Raises: CannotStart when it is not HOST:PORT.
    """
    try:
        host, port = split_address(listen)
    except ValueError as error:
        raise CannotStart(
            "No endpoint to ask: set EVCOMMAND_METRICS_LISTEN as for the process itself."
        ) from error
    return _ALL_ADDRESSES.get(host, host), port
