"""How a station of the field writes what it has to say: its payloads, its texts, its ids."""

import json
from datetime import datetime, timedelta
from typing import Any

from simulator.oddities.fields import odd_payload
from simulator.oddities.texts import ODD_TEXTS
from tests.simulation.repeatable.chance import Chance
from tests.simulation.station.field.tempers import FieldTemper

Payload = dict[str, Any]

_SESSION_ACTIONS = {"StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"}
_SHOWN = {"empty": "", "stranger": "NOBODYS-TAG"}
_LOCAL = timedelta(hours=2)
_FEW = 3


class FieldWords:
    """The words of one station. A station as ever says everything as it is."""

    def __init__(self, field: FieldTemper, chance: Chance) -> None:
        self._field = field
        self._chance = chance

    def stamp(self, right: str, at: datetime) -> str:
        """A time as it writes it. right: as it should be."""
        match self._field.stamps:
            case "lower":
                return right.lower()
            case "local":
                return (at + _LOCAL).replace(tzinfo=None).isoformat(timespec="seconds")
            case "constant":
                return "2020-01-01T00:00:00Z"
            case _:
                return right

    def message_id(self, number: int) -> str:
        """The id of its message of this number."""
        return str(7 + number % _FEW) if self._field.old_ids else f"s{number}"

    def text(self, message_id: str, action: str, payload: Payload) -> str:
        """The frame as it goes on the wire."""
        if not self._field.is_field:
            return json.dumps([2, message_id, action, payload])
        said: Any = self._reported(action, payload)
        if self._field.odd_fields and self._chance.happens(self._field.odd_share):
            for name in self._field.odd_fields:
                said = odd_payload(name, action, said)
        text = json.dumps([2, message_id, action, said])
        odd = self._field.odd_text if action in _SESSION_ACTIONS else ""
        return ODD_TEXTS[odd](text) if odd and self._chance.happens(self._field.odd_share) else text

    def _reported(self, action: str, payload: Payload) -> Payload:
        if self._field.connector_zero and action == "StartTransaction":
            payload = {**payload, "connectorId": 0}
        if self._field.shows and "idTag" in payload:
            payload = {**payload, "idTag": self._shown(payload["idTag"])}
        return payload

    def _shown(self, token: str) -> str:
        return _SHOWN.get(self._field.shows, token.lower())

    def breathes(self) -> bool:
        """Whether another message comes right before this one, with its id."""
        share = self._field.one_breath
        return bool(share) and self._chance.happens(share)

    def loses_answer(self) -> bool:
        """Whether the answer to this report of a start is lost."""
        share = self._field.loses_answers
        return bool(share) and self._chance.happens(share)

    def gives_up(self, tries: int) -> bool:
        """Whether it drops a message that so many tries have not got an answer to."""
        return bool(self._field.tries) and tries >= self._field.tries

    def begins_refused(self) -> str:
        """With what it refuses a start that it begins all the same; "": it does not."""
        share = self._field.begins_refused
        if not share or not self._chance.happens(share):
            return ""
        return self._chance.pick(("Rejected", "InternalError", "GenericError"))

    def begins_twice(self) -> bool:
        """Whether a second session begins at once."""
        share = self._field.begins_twice
        return bool(share) and self._chance.happens(share)

    def moment_s(self) -> float:
        """A pause between two messages that may come in either order."""
        return self._chance.between(0.0, 3.0)

    def pause_s(self, tries: int) -> float:
        """How long it waits after a message that was not taken."""
        return self._chance.between(1.0, 5.0) * tries if self._field.is_field else 0.0

    def leaves(self) -> bool:
        """Whether the car has left when the power is back."""
        return self._chance.happens(0.7)
