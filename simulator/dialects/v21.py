"""OCPP 2.1 of the simulated station: the differences from 2.0.1."""

from typing import ClassVar

from simulator.charger.model import ReservationEnding
from simulator.dialects.v201 import V201


class V21(V201):
    """The dialect of OCPP 2.1, without its optional services."""

    subprotocol = "ocpp2.1"
    _reported_endings: ClassVar = frozenset(ReservationEnding)

    def _resets(self) -> tuple[str, ...]:
        """2.1 adds a reset after which transactions go on."""
        return (*super()._resets(), *(("ImmediateAndResume",) if self._config.resumes else ()))
