"""OCPP 2.1 as the simulated station speaks it: 2.0.1, but for what 2.1 says otherwise."""

from typing import ClassVar

from simulator.charger.model import ReservationEnd
from simulator.dialects.v201 import V201


class V21(V201):
    """The dialect of OCPP 2.1. It has none of the services that 2.1 makes optional."""

    subprotocol = "ocpp2.1"
    _endings: ClassVar = frozenset(ReservationEnd)

    def _resets(self) -> tuple[str, ...]:
        """2.1 has a reset after which transactions go on."""
        return (*super()._resets(), *(("ImmediateAndResume",) if self._config.resumes else ()))
