"""How our dataclasses become payloads of Temporal: JSON, without what says nothing.

A field that has its default is not written, so that the web UI shows what matters. What is read
gets the default back. So a default is part of the contract: where one changes, stored payloads
change their meaning, and processes of two versions understand each other wrongly. A test holds
them. The waits of `Timing` may get other defaults, so they are always written.

Old names of fields are read.
Every client, worker and replayer uses `DATA_CONVERTER`, so that a history that was recorded before
a field was renamed still replays.

orjson writes and msgspec reads: the SDK's own converter walks each value by its type hints, which
cost a command more CPU time than the rules that decide about it.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
import orjson
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    EncodingPayloadConverter,
    JSONPlainPayloadConverter,
)

from contract import prepared as prepared  # noqa: PLC0414  has msgspec learn our dataclasses
from contract.renamed import with_present_names
from domain.commands.timing import Timing

_WRITTEN = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


class _JsonConverter(EncodingPayloadConverter):
    """Temporal's `json/plain`: dataclasses by orjson and msgspec, the rest as the SDK has it."""

    def __init__(self) -> None:
        self._plain = JSONPlainPayloadConverter()

    @property
    def encoding(self) -> str:
        """See `EncodingPayloadConverter`."""
        return self._plain.encoding

    def to_payload(self, value: Any) -> Payload | None:
        """See `EncodingPayloadConverter`."""
        if not _is_ours(type(value)):
            return self._plain.to_payload(value)
        return Payload(metadata={"encoding": self.encoding.encode()}, data=_written(value))

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:
        """See `EncodingPayloadConverter`. Raises: RuntimeError for what is no such dataclass."""
        if type_hint is None or not _is_ours(type_hint):
            return self._plain.from_payload(payload, type_hint)
        try:
            stored = with_present_names(type_hint, _read(payload.data))
            return msgspec.convert(stored, type_hint)
        except (ValueError, TypeError, AttributeError) as error:
            raise RuntimeError(f"Failed parsing a {type_hint.__name__}") from error


def _is_ours(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _written(value: Any) -> bytes:
    try:
        return orjson.dumps(value, default=_as_json, option=_WRITTEN)
    except TypeError:  # numbers and strings that only Python's own JSON can write
        return json.dumps(value, default=_as_json, sort_keys=True).encode()


def _read(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return json.loads(data)


def _as_json(value: Any) -> Any:
    """What orjson leaves to us. Raises: TypeError for what has no JSON."""
    kind: Any = type(value)
    if _is_ours(kind):
        return {
            name: shown
            for name, is_default in _fields(kind)
            if not is_default(shown := getattr(value, name))
        }
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Iterable):
        return list(value)
    raise TypeError(f"a {type(value).__name__} has no JSON")


@cache
def _fields(kind: Any) -> tuple[tuple[str, Callable[[Any], bool]], ...]:
    """The fields of a dataclass, and whether a value of them is left out."""
    return tuple((field.name, _left_out(kind, field)) for field in dataclasses.fields(kind))


def _left_out(kind: type, field: dataclasses.Field[Any]) -> Callable[[Any], bool]:
    if kind is Timing:
        return lambda _: False
    if field.default_factory is not dataclasses.MISSING:
        make = field.default_factory
        return lambda value: not isinstance(value, Timing) and bool(value == make())
    if field.default is not dataclasses.MISSING:
        default = field.default
        return lambda value: not isinstance(value, Timing) and bool(value == default)
    return lambda _: False


class PayloadConverter(CompositePayloadConverter):
    """Temporal's default payload converter, with a JSON one of ours."""

    def __init__(self) -> None:
        super().__init__(
            *(
                _JsonConverter() if isinstance(each, JSONPlainPayloadConverter) else each
                for each in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


DATA_CONVERTER = DataConverter(payload_converter_class=PayloadConverter)
"""The one data converter of production, tests and replays."""
