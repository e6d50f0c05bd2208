"""What the tables of odd reports are made of."""

from typing import Any

from station_gateway.dialects.mending.mends import MendKind

OddReport = tuple[str, Any, str, Any, MendKind | None]
TIME = "2026-01-01T00:00:00Z"


def without(payload: Any, *keys: str) -> Any:
    return {key: value for key, value in payload.items() if key not in keys}


def sample(value: Any, **more: Any) -> list[Any]:
    return [{"timestamp": TIME, "sampledValue": [{"value": value, **more}]}]
