"""Control characters in the texts of a request. Pure.

PostgreSQL keeps no NUL, and a text that moves a terminal's cursor has no business in a label or in
a log. So no text of a request may have one, whatever the field: tabs and line ends only.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from broker.errors import FieldViolation

_OURS = "evcommand."
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def control_characters(request: Message) -> tuple[FieldViolation, ...]:
    """Each text of a request of our contract, however deep, that has a control character."""
    if not request.DESCRIPTOR.full_name.startswith(_OURS):
        return ()
    return tuple(
        FieldViolation(field, "must have no control characters") for field in _fields(request, "")
    )


def _fields(message: Message, path: str) -> Iterator[str]:
    for field, value in message.ListFields():
        here = f"{path}{field.name}"
        if field.type == FieldDescriptor.TYPE_STRING or field.message_type is not None:
            for each, content in _contents(here, value):
                yield from _texts(each, content)


def _texts(path: str, content: str | Message) -> Iterator[str]:
    if isinstance(content, Message):
        yield from _fields(content, f"{path}.")
    elif _CONTROL.search(content):
        yield path


def _contents(path: str, value: object) -> Iterator[tuple[str, str | Message]]:
    """The texts and messages of a field, each with its path. A map's key is named by the map."""
    if isinstance(value, str | Message):
        yield path, value
    elif isinstance(value, Mapping):
        for key, content in value.items():
            if isinstance(key, str):
                yield path, key
            if isinstance(content, str | Message):
                yield f"{path}[{_shown(key)}]", content
    elif isinstance(value, Sequence):
        for at, content in enumerate(value):
            yield f"{path}[{at}]", content


def _shown(key: object) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(key))
