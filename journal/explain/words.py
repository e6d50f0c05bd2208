"""Facts and spans of time as texts for a person who reads an explanation. Pure."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from domain.ocpp_words import told_id


def human(span: timedelta) -> str:
    """A duration in words: "0.25 s", "12 s", "3 min 20 s", "1 h 2 min", "2 d 3 h"."""
    seconds = span.total_seconds()
    if seconds < 0:
        return f"-{human(-span)}"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, lower, smaller in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit}" + (f" {rest} {lower}" if rest else "")
    return f"{whole} s"


def texts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Facts as texts, without those that are not known."""
    return {name: _text(value) for name, value in facts.items() if value not in (None, "", ())}


def known(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts without those that are not known."""
    return {name: value for name, value in facts.items() if value not in (None, "")}


_SHOWN = {
    "ocpp_transaction_id": "transaction_id",
    "found_ocpp_transaction_id": "wire_id",
    "found_transaction": "resolved_transaction",
    "found_reservation": "resolved_reservation",
}
"""The names of facts that clients know, where the domain's fields have others."""

_IDS = frozenset({"ocpp_transaction_id", "found_ocpp_transaction_id"})


def fields_of(about: Any, *but: str) -> dict[str, Any]:
    """The fields of one of the domain's small dataclasses, without those named in `but`.

    A session without an id of OCPP is told without one.
    """
    known = {each.name: getattr(about, each.name) for each in fields(about) if each.name not in but}
    return {
        _SHOWN.get(name, name): told_id(value or "") if name in _IDS else value
        for name, value in known.items()
    }


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
        case tuple():
            return ", ".join(str(each) for each in value)
    return str(value)
