"""Whether a station's OCPP version has words for a command: shared by several commands. Pure.

The versions themselves are described by `domain.ocpp_words`. A station that has not told its
version yet is not judged here: its gateway refuses what cannot be written.
"""

from collections.abc import Iterable, Mapping

from broker.errors import Reason, Refusal, bad_field
from domain.ocpp_words import capabilities_of


def check_tokens_fit(version: str, token_chars: Mapping[str, int]) -> None:
    """Refuse tokens that are too long for a frame of this OCPP version.

    token_chars: the length of each token's value, by field.

    Raises: Refusal (NOT_POSSIBLE_ON_STATION).
    """
    able = capabilities_of(version)
    if able is None:
        return
    for field, chars in token_chars.items():
        if chars > able.id_token_chars:
            raise impossible(
                f"{field}.value",
                f"an OCPP {version} station takes at most {able.id_token_chars} characters",
            )


def is_only_connector(
    evse_id: int | None, connector_id: int, connectors: Iterable[tuple[int, int]]
) -> bool:
    """Whether an EVSE has this connector and no other. An EVSE that told none has number 1.

    connectors: (evse_id, connector_id) of what the station reported.
    """
    of_evse = {number for evse, number in connectors if evse == evse_id and number > 0}
    return (of_evse or {1}) == {connector_id}


def impossible(field: str, description: str) -> Refusal:
    """The refusal of a field that the station's OCPP version cannot express."""
    return bad_field(Reason.NOT_POSSIBLE_ON_STATION, field, description)
