"""How our dataclasses become payloads of Temporal: its JSON, without what says nothing.

A field that has its default is not written, so that the web UI shows what matters. What is read
gets the default back. So a default is part of the contract: where one changes, stored payloads
change their meaning, and processes of two versions understand each other wrongly. A test holds
them. The waits of `Timing` may get other defaults, so they are always written.

Old names of fields are read.
Every client, worker and replayer uses `DATA_CONVERTER`, so that a history that was recorded before
a field was renamed still replays.
"""

import dataclasses
from typing import Any

from temporalio.converter import (
    AdvancedJSONEncoder,
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    JSONTypeConverter,
    value_to_type,
)

from contract.renamed import with_present_names
from domain.commands.timing import Timing


class _PresentNames(JSONTypeConverter):
    """Reads a stored dataclass that has fields under old names."""

    def to_typed_value(self, hint: type, value: Any) -> Any:
        if not (dataclasses.is_dataclass(hint) and isinstance(value, dict)):
            return JSONTypeConverter.Unhandled
        read = with_present_names(hint, value)
        return JSONTypeConverter.Unhandled if read is value else value_to_type(hint, read)


class _WithoutDefaults(AdvancedJSONEncoder):
    """Writes of a dataclass only the fields that have another value than their default."""

    def default(self, o: Any) -> Any:
        if not dataclasses.is_dataclass(o) or isinstance(o, type):
            return super().default(o)
        known = {field.name: getattr(o, field.name) for field in dataclasses.fields(o)}
        if isinstance(o, Timing):
            return known
        omitted = {field.name for field in dataclasses.fields(o) if _is_default(o, field)}
        return {name: value for name, value in known.items() if name not in omitted}


def _is_default(owner: Any, field: dataclasses.Field[Any]) -> bool:
    value = getattr(owner, field.name)
    if isinstance(value, Timing):
        return False
    if field.default_factory is not dataclasses.MISSING:
        return bool(value == field.default_factory())
    return field.default is not dataclasses.MISSING and bool(value == field.default)


class PayloadConverter(CompositePayloadConverter):
    """Temporal's default payload converter, with a JSON one of ours."""

    def __init__(self) -> None:
        json = JSONPlainPayloadConverter(
            encoder=_WithoutDefaults, custom_type_converters=[_PresentNames()]
        )
        super().__init__(
            *(
                json if isinstance(each, JSONPlainPayloadConverter) else each
                for each in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


DATA_CONVERTER = DataConverter(payload_converter_class=PayloadConverter)
"""The one data converter of production, tests and replays."""
