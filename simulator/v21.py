"""OCPP 2.1 as the simulated station speaks it: 2.0.1, but for what 2.1 says otherwise."""

from datetime import datetime

from simulator.messages import Answer, Payload
from simulator.v201 import V201


class V21(V201):
    """The dialect of OCPP 2.1. It has none of the services that 2.1 makes optional."""

    subprotocol = "ocpp2.1"

    def _reset(self, payload: Payload, now: datetime) -> Answer:
        """Transactions end with a reset here: none is resumed after it."""
        if payload["type"] == "ImmediateAndResume":
            return Answer({"status": "Rejected", "statusInfo": {"reasonCode": "UnsupportedParam"}})
        return super()._reset(payload, now)
