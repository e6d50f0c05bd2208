"""A station's answer as the JSON of its row in `sends`, and back."""

from typing import Any

import msgspec

from contract.renamed import with_present_names
from domain.model.answers import StationAnswer


def answer_to_row(answer: StationAnswer) -> dict[str, Any]:
    """The answer as the JSON that its row keeps."""
    row: dict[str, Any] = msgspec.to_builtins(answer)
    return row


def answer_from_row(row: dict[str, Any]) -> StationAnswer:
    """The answer that a row keeps, also one that was written under old field names."""
    return msgspec.convert(with_present_names(StationAnswer, row), StationAnswer)


def said_no(row: dict[str, Any] | None) -> bool:
    """Whether a kept answer is a no that the station would say again. No answer is none."""
    return row is not None and answer_from_row(row).verdict.is_lasting_no
