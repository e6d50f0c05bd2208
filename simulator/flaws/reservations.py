"""Flaws in how reservations are kept."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from simulator.behaviour import Answering, Behaviour, IncomingCall
from simulator.charger.charger import Charger
from simulator.charger.model import Event, SimulatedReservation
from simulator.dialects.messages import CallAnswer, CallErrorReply, Payload

_REVIVED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class ForgetsReservations(Behaviour):
    """Loses its reservations in a reboot, and says nothing about it."""

    def rebooting(self, charger: Charger, now: datetime) -> list[Event]:  # noqa: ARG002
        """They were only in memory."""
        return charger.forget_reservations()


@dataclass(frozen=True)
class KeepsReservations(Behaviour):
    """Keeps reservations past their expiry, until they are cancelled."""

    def keeps(self, reservation: SimulatedReservation) -> bool:  # noqa: ARG002
        """Whether it stays after its expiry: always."""
        return True


@dataclass(frozen=True)
class RevivesReservations(Behaviour):
    """Has the reservation that ended last again after a reboot, and shows the EVSE as Reserved."""

    def rebooting(self, charger: Charger, now: datetime) -> list[Event]:
        """It was not deleted from the disk."""
        held, ended = charger.reservations.held, charger.reservations.ended
        if not ended or ended[-1].id in held:
            return []
        last = ended[-1]
        evse_id = last.evse_id or min(charger.evses)
        return charger.put_reservation(
            replace(last, evse_id=evse_id, expiry=max(last.expiry, now + _REVIVED_FOR))
        )


@dataclass(frozen=True)
class RefusesSameReservationId(Behaviour):
    """Answers Occupied to a ReserveNow with the id of a reservation, instead of replacing it."""

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        """It sees that the EVSE is reserved, and does not look for whom."""
        return CallAnswer({"status": "Occupied"}) if _is_change(call) else await inner(call)


@dataclass(frozen=True)
class LosesHoldOnRefusedChange(Behaviour):
    """Ends the old reservation before it refuses a ReserveNow with the same id."""

    async def answer(self, call: IncomingCall, inner: Answering) -> CallAnswer | None:
        """The honest answer; only the old reservation is lost."""
        change = _is_change(call)
        answer = await inner(call)
        if not change or answer is None or _is_accepted(answer):
            return answer
        _, lost = call.station.charger.cancel_reservation(_reservation_id(call.payload))
        return replace(answer, events=[*answer.events, *lost])


def _is_change(call: IncomingCall) -> bool:
    held = call.station.charger.reservations.held
    return call.action == "ReserveNow" and _reservation_id(call.payload) in held


def _reservation_id(payload: Payload) -> int:
    """The field is called reservationId in 1.6 and id in 2.x."""
    return int(payload["reservationId"] if "reservationId" in payload else payload["id"])


def _is_accepted(answer: CallAnswer) -> bool:
    return not isinstance(answer.reply, CallErrorReply) and answer.reply.get("status") == "Accepted"
