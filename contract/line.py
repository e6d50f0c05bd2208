"""What crosses the direct line: a worker hands one frame to the gateway that holds the station.

The line is a gRPC method of the gateway process. It carries the same dataclasses as Temporal does,
in the same JSON, so that a frame means the same on both ways.
"""

from dataclasses import dataclass
from typing import TypeVar

from temporalio.api.common.v1 import Payload

from contract.commands import SendFrameInput, SendFrameResult
from contract.converter import DATA_CONVERTER

SERVICE = "evcommand.internal.GatewayLine"
OFFER_METHOD = "Offer"
OFFER_PATH = f"/{SERVICE}/{OFFER_METHOD}"
KEY_METADATA = "authorization"

T = TypeVar("T")


@dataclass(frozen=True)
class OfferInput:
    """One frame, offered to a gateway.

    gateway: whom it is meant for; another one that took over the address refuses it.
    wait_s: how long the caller waits for the station's answer, in seconds.
    """

    gateway: str
    frame: SendFrameInput
    wait_s: float


@dataclass(frozen=True)
class OfferResult:
    """What became of the frame; None: nothing yet, and the gateway goes on with it by itself."""

    sent: SendFrameResult | None = None


def key_of(line_key: str) -> str:
    """The value of the metadata that a worker shows."""
    return f"Bearer {line_key}"


def written(message: OfferInput | OfferResult) -> bytes:
    """The message as it goes over the line."""
    return DATA_CONVERTER.payload_converter.to_payload(message).data


def offer_of(data: bytes) -> OfferInput:
    """The offer in these bytes. Raises: ValueError when it is none."""
    return _read(data, OfferInput)


def result_of(data: bytes) -> OfferResult:
    """The result in these bytes. Raises: ValueError when it is none."""
    return _read(data, OfferResult)


def _read(data: bytes, kind: type[T]) -> T:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=data)
    try:
        read = DATA_CONVERTER.payload_converter.from_payload(payload, kind)
    except Exception as error:
        raise ValueError(f"not a message of the direct line: {error}") from error
    if isinstance(read, kind):
        return read
    raise ValueError(f"a {type(read).__name__} is no message of the direct line")
