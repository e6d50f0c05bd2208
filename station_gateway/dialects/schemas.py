"""The standard's JSON schemas (shipped with the `ocpp` package), compiled once, read leniently.

A payload that obeys its schema passes at once (about a microsecond). One that does not is held
against a relaxed copy of the schema, then repaired, and only then refused with the code that the
standard has for it.

    let through   unknown fields, unknown enum words, odd timestamps, long descriptive strings,
                  too many decimals
    repaired      numbers and booleans sent as strings (also "007"), strings sent as numbers,
                  whole numbers sent as 1.0, fields sent as null (taken as absent)
    refused       missing fields, other wrong types, empty or overlong lists, overlong identifiers,
                  enum words that change what the message means

Descriptions name the field by the schema's own property names, never a value of the station.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

import jsonschema_rs

from station_gateway.dialects.interface import ErrorWords, PayloadViolation
from station_gateway.dialects.mending.mends import (
    LONGEST_ID,
    NO_MENDS,
    Mending,
    MendKind,
    Mends,
    folded,
    words,
)
from station_gateway.dialects.messages import Payload
from station_gateway.dialects.verdicts import TRANSACTION_ID_CHARS

_IDENTIFIERS = frozenset({"idTag", "parentIdTag", "idToken", "additionalIdToken", "transactionId"})
"""Cut, these would be another thing; all other strings are cut where they are read."""
_REASON = "statusInfo"
_ID = "transactionId"
_DECISIVE_WORDS = frozenset({"eventType", "TransactionEventEnumType"})
"""Enums (by property or definition) without which the message has no meaning."""
_REPAIR_NODES = 5_000
"""Values that a repair looks at; a longer payload stays as it is, so that no frame costs long."""
_INTEGER = re.compile(r"\s*[+-]?[0-9]{1,18}(?:\.0*)?\s*")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}

Schema = dict[str, Any]


class _Validator(Protocol):
    def is_valid(self, instance: Any) -> bool: ...

    def validate(self, instance: Any) -> None: ...

    def iter_errors(self, instance: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class _Message:
    """One message of the standard: its schema by the letter, and relaxed."""

    strict: _Validator
    relaxed: _Validator
    schema: Schema


@dataclass(frozen=True, slots=True)
class SchemaSet:
    """The schemas of one OCPP version.

    package: where they are shipped. request_suffix: "" in 1.6, "Request" in 2.x.
    handled: actions that we take from a station; other actions of the standard are NotSupported.
    sent: those that come as SEND, without a response.
    menders: by action, how an odd report is built anew; each returns the field that is missing.
    """

    package: str
    request_suffix: str
    handled: frozenset[str]
    words: ErrorWords
    sent: frozenset[str] = frozenset()
    menders: Mapping[str, Callable[[Mending], str]] = field(default_factory=dict)
    _obeys: dict[str, Callable[[Payload], bool]] = field(default_factory=dict)

    def check_call(self, action: str, payload: Payload) -> PayloadViolation | None:
        """Judge (and repair in place) a CALL of the station."""
        obeys = self._obeys.get(action)
        if obeys is not None and obeys(payload):  # nearly always
            return None
        if action in self.handled:
            name = action + self.request_suffix
            self._obeys[action] = _message(self.package, name).strict.is_valid
            return self._check(name, payload)
        return self._not_taken(action)

    def take_call(self, action: str, payload: Payload) -> Mends | PayloadViolation:
        """Judge a CALL of the station, and mend it in place where it tells facts."""
        obeys = self._obeys.get(action)
        if obeys is None and action in self.handled:
            obeys = _message(self.package, action + self.request_suffix).strict.is_valid
            self._obeys[action] = obeys
        if obeys is not None and obeys(payload):  # nearly always
            return NO_MENDS
        if action in self.menders:
            return self.mend_call(action, payload)
        return self.check_call(action, payload) or NO_MENDS

    def mend_call(self, action: str, payload: Payload) -> Mends | PayloadViolation:
        """Mend a CALL in place, whether it obeys or not. `action` is one of `menders`."""
        mending = Mending(payload)
        missing = self.menders[action](mending)
        if missing:
            return PayloadViolation(self.words.missing, f"{missing}: not usable")
        payload.clear()
        payload.update(mending.made)
        return mending.found

    def check_send(self, action: str, payload: Payload) -> PayloadViolation | None:
        """Judge (and repair in place) a SEND of the station."""
        return self._check(action, payload) if action in self.sent else self._not_taken(action)

    def check_answer(self, action: str, payload: Payload) -> PayloadViolation | None:
        """Judge (and repair in place) a CALLRESULT of the station; `action` is our CALL's.

        Its status is what counts: a reason beside it that is malformed is as if it had not come.
        """
        violation = self._check(action + "Response", payload)
        if violation is None or payload.pop(_REASON, None) is None:
            return violation
        return self._check(action + "Response", payload)

    def take_answer(self, action: str, payload: Payload) -> Mends | PayloadViolation:
        """Judge a CALLRESULT as `check_answer` does; its status word and its id may be odd."""
        found: dict[MendKind, str] = {}
        id = payload.get(_ID)
        is_long = isinstance(id, str) and TRANSACTION_ID_CHARS < len(id) <= LONGEST_ID
        if is_long:
            del payload[_ID]
            found[MendKind.SESSION_ID] = _ID
        violation = self.check_answer(action, payload)
        if violation is not None:
            return violation
        if is_long:
            payload[_ID] = id
        said = payload.get("status")
        word = _status_words(self.package, action).get(folded(said)) if said else None
        if word is not None and word != said:
            payload["status"] = word
            found[MendKind.WORD] = "status"
        return found or NO_MENDS

    def faults_of_ours(self, name: str, payload: Payload) -> list[str]:
        """All that is wrong with a payload of ours by the letter of the schema `name`.

        We write strictly by construction; tests ask this for every frame that we can build.
        """
        strict = _message(self.package, name).strict
        return [_describe(error) for error in strict.iter_errors(payload)]

    def _not_taken(self, action: str) -> PayloadViolation:
        if action in self.sent or action + "Response" in _names(self.package):
            return PayloadViolation(
                self.words.not_supported, "action is not supported from a station"
            )
        return PayloadViolation(self.words.not_implemented, "action is not known")

    def _check(self, name: str, payload: Payload) -> PayloadViolation | None:
        message = _message(self.package, name)
        if message.strict.is_valid(payload) or message.relaxed.is_valid(payload):
            return None
        _Repair(message.schema).object(payload, message.schema)
        try:
            message.relaxed.validate(payload)
        except jsonschema_rs.ValidationError as error:
            return PayloadViolation(self._code(error.kind.name), _describe(error))
        return None

    def _code(self, keyword: str) -> str:
        words = self.words
        return {
            "required": words.missing,
            "type": words.type,
            "maxLength": words.type,
            "minItems": words.occurrence,
            "maxItems": words.occurrence,
        }.get(keyword, words.property)


def _folder(package: str) -> Path:
    """Where the schemas are. The package is not imported: that takes 0.1 s, on the event loop."""
    parent, _, version = package.rpartition(".")
    spec = find_spec(parent)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{parent} is not installed")
    return Path(spec.submodule_search_locations[0], version, "schemas")


@cache
def _names(package: str) -> frozenset[str]:
    """All messages of a version, by the files that define them."""
    return frozenset(file.stem for file in _folder(package).iterdir())


@cache
def _status_words(package: str, action: str) -> Mapping[str, str]:
    """The status words of the answer to an action of ours, by their folded form."""
    schema = _message(package, action + "Response").schema
    status: Schema = schema.get("properties", {}).get("status", {})
    if "$ref" in status:
        status = schema["definitions"][status["$ref"].rpartition("/")[2]]
    return words(*status.get("enum", ()))


@cache
def _message(package: str, name: str) -> _Message:
    """Compile one message, once per process. `name` is one of ours, never a station's."""
    schema = json.loads((_folder(package) / f"{name}.json").read_text("utf-8-sig"))
    return _Message(
        strict=jsonschema_rs.validator_for(schema, validate_formats=True),
        relaxed=jsonschema_rs.validator_for(_relaxed(schema, ""), validate_formats=False),
        schema=schema,
    )


def _relaxed(schema: Schema, name: str) -> Schema:
    """The schema without what is let through. `name`: of the property or definition."""
    relaxed: Schema = {}
    for keyword, value in schema.items():
        if keyword in ("properties", "definitions"):
            relaxed[keyword] = {key: _relaxed(part, key) for key, part in value.items()}
        elif keyword == "items":
            relaxed[keyword] = _relaxed(value, name)
        elif not _is_harmless(keyword, name):
            relaxed[keyword] = value
    return relaxed


def _is_harmless(keyword: str, name: str) -> bool:
    if keyword == "enum":
        return name not in _DECISIVE_WORDS
    if keyword == "maxLength":
        return name not in _IDENTIFIERS
    return keyword in ("additionalProperties", "additionalItems", "format", "multipleOf")


def _describe(error: jsonschema_rs.ValidationError) -> str:
    """Where and what, in the schema's words: "meterValue.0.timestamp: required"."""
    path = [str(part) for part in error.instance_path]
    if error.kind.name == "required":
        path.append(str(error.kind.as_dict()["property"]))
    return f"{'.'.join(path) or 'payload'}: {error.kind.name}"


class _Repair:
    """One walk over a payload along its schema, changing in place what is known to be harmless."""

    __slots__ = ("_budget", "_definitions")

    def __init__(self, schema: Schema) -> None:
        self._definitions: Schema = schema.get("definitions", {})
        self._budget = _REPAIR_NODES

    def object(self, value: Payload, schema: Schema) -> None:
        """Repair the fields that the schema knows."""
        known: Schema = schema.get("properties", {})
        for key in [key for key in value if key in known]:
            if value[key] is None:
                del value[key]
            else:
                value[key] = self._value(value[key], known[key])

    def _value(self, value: Any, schema: Schema) -> Any:
        self._budget -= 1
        if self._budget < 0:
            return value
        if "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        kind = schema.get("type")
        if kind == "object" and isinstance(value, dict):
            self.object(value, schema)
        elif kind == "array" and isinstance(value, list):
            value[:] = [self._value(item, schema.get("items", {})) for item in value]
        elif kind in _SCALARS:
            return _SCALARS[kind](value)
        return value


def _as_integer(value: Any) -> Any:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value.partition(".")[0])
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _as_number(value: Any) -> Any:
    if not isinstance(value, str) or len(value) > 64:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return number if isfinite(number) else value


def _as_string(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_boolean(value: Any) -> Any:
    return _TRUTH.get(str(value).lower(), value) if isinstance(value, str | int) else value


_SCALARS = {
    "integer": _as_integer,
    "number": _as_number,
    "string": _as_string,
    "boolean": _as_boolean,
}
