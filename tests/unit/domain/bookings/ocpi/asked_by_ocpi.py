"""A BookingRequest as another party sends it."""

from typing import Any

TOKEN = {
    "country_code": "DE",
    "party_id": "EMP",
    "uid": "04A1B2C3",
    "type": "RFID",
    "contract_id": "C1",
}


def message(**changes: Any) -> dict[str, Any]:
    """A request; a change to `...` leaves the field out."""
    whole = {
        "country_code": "DE",
        "party_id": "EMP",
        "request_id": "0c4c4c9e-6c62-4cf5-a4e1-3b3f7f6d9f11",
        "location_id": "LOC1",
        "tokens": [TOKEN],
        "period": {"start_from": "2026-12-01T09:00:00Z", "end_before": "2026-12-01T10:00:00Z"},
        "authorization_reference": "AR-1",
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not ...}
