"""Calls of the broker from the command line: how it is reached, and what its refusals mean.

What the broker replies reaches the terminal only as printable characters, so that no station and no
caller can send it control sequences.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
from evcommand.v1 import remote_command_service_pb2_grpc as pb_grpc

from entrypoints.errors import CannotStart

T = TypeVar("T")

CALL_S = 15.0

_REMEDIES = {
    grpc.StatusCode.UNAVAILABLE: "Is a broker running there? Name another with --address.",
    grpc.StatusCode.DEADLINE_EXCEEDED: "The broker did not reply in time; try again.",
    grpc.StatusCode.UNAUTHENTICATED: "Give an API key with --key or EVCOMMAND_KEY.",
    grpc.StatusCode.PERMISSION_DENIED: "Use the API key of a caller who has the right `read`.",
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


def ask(
    access: BrokerAccess,
    call: Callable[[Any], Callable[..., T]],
    request: object,
    remedies: Mapping[grpc.StatusCode, str],
) -> T:
    """The reply to one call. call: chooses the method of RemoteCommandService's stub.

    remedies: what to do about a refusal, beside what is true of every call.

    Raises: CannotStart with the remedy when the broker cannot be asked or refuses.
    """
    metadata = [("authorization", f"Bearer {access.key}")] if access.key else []
    with _channel(access) as channel:
        try:
            method = call(pb_grpc.RemoteCommandServiceStub(channel))
            return method(request, metadata=metadata, timeout=CALL_S)
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
    """The text with every control character replaced."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
