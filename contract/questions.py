"""Input and result of `ask_station`: a question that does no harm and may be repeated."""

from dataclasses import dataclass
from datetime import datetime

from domain.evidence.facts import Asked
from domain.model.specs import Kind


@dataclass(frozen=True)
class AskStationInput:
    """Input of `ask_station`: what became of a command of this kind?

    ocpp_transaction_id: None known: ""; the question is about the EVSE then.
    """

    station: str
    kind: Kind
    command: str
    evse_id: int | None = None
    connector_id: int | None = None
    ocpp_transaction_id: str = ""
    timeout_s: float = 10.0


@dataclass(frozen=True)
class AskStationResult:
    """Result of `ask_station`. None: the station could not say or did not say.

    asked: the station replied.
    ongoing: the transaction is running (OCPP 2.x).
    messages_in_queue: the station still has messages to deliver (OCPP 2.x).
    """

    asked: bool
    ongoing: bool | None = None
    messages_in_queue: bool | None = None
    detail: str = ""

    def as_fact(self, at: datetime, before: Asked | None) -> Asked:
        """The reply as a fact about the command. before: the reply before this one, if any."""
        return Asked(
            at=at,
            times=(before.times if before else 0) + 1,
            replied=self.asked,
            ongoing=self.ongoing,
            messages_in_queue=self.messages_in_queue,
            detail=self.detail,
        )
