"""How commands of the command line ask a broker: as clients like any other, over gRPC."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from entrypoints.errors import CannotStart

CALL_S = 15.0
"""How long a broker has to answer a call."""

_REMEDIES = {
    grpc.StatusCode.UNAVAILABLE: "Is a broker running there? Name another with --address.",
    grpc.StatusCode.DEADLINE_EXCEEDED: "The broker did not reply in time; try again.",
    grpc.StatusCode.UNAUTHENTICATED: "Give an API key with --key or EVCOMMAND_KEY.",
    grpc.StatusCode.UNIMPLEMENTED: "The broker there is older than this program; update it.",
}


@dataclass(frozen=True)
class BrokerAccess:
    """How to reach the broker.

    key: an API key; None sends none. tls: use TLS with the system's authorities.
    ca: use TLS with this PEM file of authorities.
    """

    address: str
    key: str | None = None
    tls: bool = False
    ca: Path | None = None

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """What each call carries."""
        return [("authorization", f"Bearer {self.key}")] if self.key else []


@contextmanager
def asking(access: BrokerAccess, remedies: Mapping[grpc.StatusCode, str]) -> Iterator[grpc.Channel]:
    """A channel to the broker. remedies: what to do about the errors of these very calls.

    Raises: CannotStart with the remedy when the broker cannot be asked or refuses.
    """
    with _channel(access) as channel:
        try:
            yield channel
        except grpc.RpcError as error:
            raise CannotStart(_message(error, access.address, remedies)) from error


def _channel(access: BrokerAccess) -> grpc.Channel:
    if access.ca is None and not access.tls:
        return grpc.insecure_channel(access.address)
    try:
        roots = None if access.ca is None else access.ca.read_bytes()
    except OSError as error:
        why = f"{access.ca} cannot be read ({error.strerror})"
        raise CannotStart(f"{why}: --ca names a PEM file of certificates.") from error
    return grpc.secure_channel(access.address, grpc.ssl_channel_credentials(roots))


def _message(error: Any, address: str, remedies: Mapping[grpc.StatusCode, str]) -> str:
    code = error.code()
    details = printable(error.details() or "")
    remedy = {**_REMEDIES, **remedies}.get(code, "The broker's log has more.")
    return f"{address} answered {code.name}: {details}\n{remedy}"


def printable(text: str) -> str:
    """The text with every control character replaced: nobody can send them to the terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
