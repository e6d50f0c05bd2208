"""Requests that come again under a request id that is known already."""

from collections.abc import Mapping

from broker.errors import Reason, Refusal


def check_repeat(what: str, before: Mapping[str, object], again: Mapping[str, object]) -> None:
    """Refuse a request id that was used for something else.

    what: a sentence about what the id is of. before, again: what was said, by its field.
    Raises: Refusal (REQUEST_ID_REUSED), naming the fields that differ.
    """
    differing = [field for field, value in again.items() if value != before[field]]
    if not differing:
        return
    raise Refusal(
        Reason.REQUEST_ID_REUSED,
        f"{what} It differs in: {', '.join(differing)}. Use a new request_id for a new request.",
        facts={"fields": ",".join(differing)},
    )
