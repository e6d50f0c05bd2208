"""Checks a station's frames against the schemas of the standard, from the `ocpp` package."""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema_rs

_FOLDERS = {"ocpp1.6": "v16", "ocpp2.0.1": "v201", "ocpp2.1": "v21"}
_CODES_16 = {"FormationViolation", "OccurenceConstraintViolation"}
_CODES_2X = {
    "FormatViolation",
    "OccurrenceConstraintViolation",
    "MessageTypeNotSupported",
    "RpcFrameworkError",
}
_CODES = {
    "NotImplemented",
    "NotSupported",
    "InternalError",
    "ProtocolError",
    "SecurityError",
    "PropertyConstraintViolation",
    "TypeConstraintViolation",
    "GenericError",
}


def violation(subprotocol: str, frame: list[Any], asked: str = "") -> str | None:
    """What the standard says against a frame of a station. `asked`: the action it answers."""
    match frame:
        case [2, str() as identity, str() as action, dict() as payload] if len(identity) <= 36:
            return _against(_request(subprotocol, action), action, payload)
        case [3, str(), dict() as payload]:
            return _against(_validator(subprotocol, f"{asked}Response"), asked, payload)
        case [4, str(), str() as code, str() as text, dict()] if len(text) <= 255:
            known = _CODES | (_CODES_16 if subprotocol == "ocpp1.6" else _CODES_2X)
            return None if code in known else f"unknown code {code}"
    return f"no frame: {frame}"


def _request(subprotocol: str, action: str) -> Any:
    name = action if subprotocol == "ocpp1.6" else f"{action}Request"
    return _validator(subprotocol, name)


def _against(validator: Any, action: str, payload: dict[str, Any]) -> str | None:
    errors = [error.message for error in validator.iter_errors(payload)]
    return f"{action} {payload}: {errors}" if errors else None


@cache
def _validator(subprotocol: str, name: str) -> Any:
    package = find_spec("ocpp")
    assert package is not None and package.origin is not None
    folder = Path(package.origin).parent / _FOLDERS[subprotocol] / "schemas"
    schema = json.loads((folder / f"{name}.json").read_text(encoding="utf-8-sig"))
    return jsonschema_rs.validator_for(schema, validate_formats=True)
