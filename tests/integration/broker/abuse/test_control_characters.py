"""Control characters in any text field of any request are refused, and the field is named."""

from typing import Any

import grpc
import pytest

from tests.support.access.string_fields import TextField, text_fields
from tests.support.benches.broker_house import House, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIELDS = list(text_fields())


async def asked(house: House, field: TextField, text: str) -> str:
    """What is wrong with the answer to such a request; "": nothing is."""
    channel: Any = house.broker.channel
    method = field.method
    request = field.request(text)
    if method.server_streaming:
        call = channel.unary_stream(field.url, request_serializer=type(request).SerializeToString)
    else:
        call = channel.unary_unary(field.url, request_serializer=type(request).SerializeToString)
    try:
        failure = await failure_of(call(request, timeout=10))
    except AssertionError as taken:
        return f"{field.url} {field.named}: {taken}"
    right = failure.code is grpc.StatusCode.INVALID_ARGUMENT and field.named in failure.fields
    return "" if right else f"{field.url} {field.named}: {failure.code} {failure.fields}"


async def test_every_text_field_of_every_method_is_looked_at(house: House) -> None:
    assert len(FIELDS) > 200
    assert {each.method.full_name for each in FIELDS} > {
        f"evcommand.v1.BookingService.{name}" for name in ("CreatePool", "JoinWaitlist")
    }
    wrong = [said for each in FIELDS if (said := await asked(house, each, "a\x00b"))]
    assert not wrong, "\n".join(wrong)
