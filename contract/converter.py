"""How our dataclasses become payloads of Temporal: its default JSON, with old field names read.

Every client, worker and replayer uses `DATA_CONVERTER`, so that a history that was recorded before
a field was renamed still replays.
"""

import dataclasses
from typing import Any

from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    JSONTypeConverter,
    value_to_type,
)

from contract.renamed import with_present_names


class _PresentNames(JSONTypeConverter):
    """Reads a stored dataclass that has fields under old names."""

    def to_typed_value(self, hint: type, value: Any) -> Any:
        if not (dataclasses.is_dataclass(hint) and isinstance(value, dict)):
            return JSONTypeConverter.Unhandled
        read = with_present_names(hint, value)
        return JSONTypeConverter.Unhandled if read is value else value_to_type(hint, read)


class PayloadConverter(CompositePayloadConverter):
    """Temporal's default payload converter; its JSON one reads old names of fields."""

    def __init__(self) -> None:
        json = JSONPlainPayloadConverter(custom_type_converters=[_PresentNames()])
        super().__init__(
            *(
                json if isinstance(each, JSONPlainPayloadConverter) else each
                for each in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


DATA_CONVERTER = DataConverter(payload_converter_class=PayloadConverter)
"""The one data converter of production, tests and replays."""
