"""A refusal as gRPC carries it: google.rpc.Status with its details. Pure."""

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from broker.errors import Refusal
from broker.proto.times import span_out

ERROR_DOMAIN = "evcommand"
DETAILS_KEY = "grpc-status-details-bin"


def trailing_details(refusal: Refusal) -> tuple[tuple[str, bytes], ...]:
    """The refusal as trailing metadata: google.rpc.Status with its details."""
    code: int = refusal.code.value[0]
    status = Status(code=code, message=refusal.message)
    status.details.extend(_packed(detail) for detail in _details(refusal))
    return ((DETAILS_KEY, status.SerializeToString()),)


def _details(refusal: Refusal) -> list[Message]:
    details: list[Message] = [
        ErrorInfo(reason=refusal.reason.value, domain=ERROR_DOMAIN, metadata=refusal.facts)
    ]
    if refusal.violations:
        details.append(
            BadRequest(
                field_violations=[
                    BadRequest.FieldViolation(field=one.field, description=one.description)
                    for one in refusal.violations
                ]
            )
        )
    if refusal.retry_after is not None:
        details.append(RetryInfo(retry_delay=span_out(refusal.retry_after)))
    return details


def _packed(message: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed
