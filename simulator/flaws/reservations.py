"""Flaws in how reservations are kept."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from simulator.behaviour import Answering, Behaviour, IncomingCall
from simulator.charger.charger import Charger
from simulator.dialects.messages import Answer, Payload, Refusal
from simulator.charger.model import Event, Reservation

_REVIVED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class ForgetsReservations(Behaviour):
    """Has no holds any longer after a reboot, and says nothing about it."""

    def rebooting(self, charger: Charger, now: datetime) -> list[Event]:  # noqa: ARG002
        """They were in memory only."""
        return charger.forget_reservations()


@dataclass(frozen=True)
class KeepsReservations(Behaviour):
    """Keeps holds past their expiry, until they are cancelled."""

    def keeps(self, reservation: Reservation) -> bool:  # noqa: ARG002
        """Every one."""
        return True


@dataclass(frozen=True)
class RevivesReservations(Behaviour):
    """Has the hold that ended last again after a reboot, and shows the outlet as Reserved."""

    def rebooting(self, charger: Charger, now: datetime) -> list[Event]:
        """What it was made of was not deleted from its disk."""
        held, ended = charger.reservations.held, charger.reservations.ended
        if not ended or ended[-1].id in held:
            return []
        last = ended[-1]
        evse_id = last.evse_id or min(charger.evses)
        return charger.hold(
            replace(last, evse_id=evse_id, expiry=max(last.expiry, now + _REVIVED_FOR))
        )


@dataclass(frozen=True)
class RefusesSameReservationId(Behaviour):
    """Answers Occupied to a ReserveNow whose id it holds already, instead of replacing the hold."""

    async def answer(self, call: IncomingCall, inner: Answering) -> Answer | None:
        """It sees the outlet taken, not by whom."""
        return Answer({"status": "Occupied"}) if _is_change(call) else await inner(call)


@dataclass(frozen=True)
class LosesHoldOnRefusedChange(Behaviour):
    """Gives the old hold up before it refuses a ReserveNow with the same id."""

    async def answer(self, call: IncomingCall, inner: Answering) -> Answer | None:
        """The refusal is honest."""
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
    """1.6 names it otherwise than 2.x."""
    return int(payload["reservationId"] if "reservationId" in payload else payload["id"])


def _is_accepted(answer: Answer) -> bool:
    return not isinstance(answer.reply, Refusal) and answer.reply.get("status") == "Accepted"
