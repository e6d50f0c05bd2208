"""Requests that come again under a request id that is known already."""

from collections.abc import Mapping

from broker.errors import Reason, Refusal


def check_repeat(
    what: str, before: Mapping[str, object], again: Mapping[str, object], **kept: str
) -> None:
    """Refuse a request id that was used for something else.

    what: a sentence about what the id is of. before, again: what was said, by its field. kept:
    further facts. Raises: Refusal (REQUEST_ID_REUSED), naming the fields that differ.
    """
    differing = [field for field, value in again.items() if value != before[field]]
    if differing:
        raise reused(what, differing, **kept)


def reused(what: str, differing: list[str], **kept: str) -> Refusal:
    """The refusal of a request id that was used for something else."""
    fields = {"fields": ",".join(differing)} if differing else {}
    named = f" It differs in: {', '.join(differing)}." if differing else ""
    return Refusal(
        Reason.REQUEST_ID_REUSED,
        f"{what}{named} Use a new request_id for a new request.",
        facts={**fields, **kept},
    )
