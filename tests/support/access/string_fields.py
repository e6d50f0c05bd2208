"""Every text field of every request of the contract, by its descriptors."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from evcommand.v1 import (
    audit_service_pb2,
    booking_service_pb2,
    callback_service_pb2,
    remote_command_service_pb2,
    reservation_service_pb2,
    station_service_pb2,
    token_service_pb2,
)
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_FILES = (
    audit_service_pb2,
    booking_service_pb2,
    callback_service_pb2,
    remote_command_service_pb2,
    reservation_service_pb2,
    station_service_pb2,
    token_service_pb2,
)


@dataclass(frozen=True)
class TextField:
    """A text field of a method's request. path: the fields that lead to it, itself the last."""

    method: MethodDescriptor
    path: tuple[FieldDescriptor, ...]

    @property
    def url(self) -> str:
        """The method's name on the wire."""
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    def request(self, text: str) -> Message:
        """A request with this text in the field, and nothing else."""
        request: Message = GetMessageClass(self.method.input_type)()
        _put(request, self.path, text)
        return request

    @property
    def named(self) -> str:
        """How a refusal names the field."""
        parts = [f"{each.name}[0]" if _is_list(each) else each.name for each in self.path]
        return ".".join(parts)


def text_fields() -> Iterator[TextField]:
    """All of them."""
    for file in _FILES:
        for service in file.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                for path in _paths(method.input_type, ()):
                    yield TextField(method, path)


def _paths(
    kind: Descriptor, above: tuple[FieldDescriptor, ...]
) -> Iterator[tuple[FieldDescriptor, ...]]:
    for field in kind.fields:
        inner = field.message_type
        if field.type == FieldDescriptor.TYPE_STRING or _is_map(field):
            yield (*above, field)
        elif inner is not None and all(inner is not each.message_type for each in above):
            yield from _paths(inner, (*above, field))


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def _is_list(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated) and not _is_map(field)


def _put(message: Any, path: tuple[FieldDescriptor, ...], text: str) -> None:
    field, *rest = path
    if _is_map(field):
        getattr(message, field.name)[f"a{text}"] = "b"
    elif rest:
        value = getattr(message, field.name)
        _put(value.add() if _is_list(field) else value, tuple(rest), text)
    elif _is_list(field):
        getattr(message, field.name).append(text)
    else:
        setattr(message, field.name, text)
