"""How a reservation is changed: its workflow is asked, and the change is waited for."""

from broker.audit.changes import record_change
from broker.auth import current_caller
from broker.backend import Backend
from broker.commands.lookups import known_reservation
from broker.errors import Reason, Refusal
from broker.proto.names import reservation_name
from broker.reading.waiting import Patience, either
from contract.reservations import ChangeInput
from domain.reservations.admission import ChangeVerdict, judge_change
from domain.reservations.reservation import ChangeState, Reservation


class Changer:
    """Has held reservations changed."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def change(self, name: str, wanted: ChangeInput, patience: Patience) -> Reservation:
        """The reservation after the change, or as it is when patience ends. name: its id.

        Raises: Refusal (RESERVATION_NOT_FOUND, RESERVATION_ENDED, RESERVATION_NOT_HELD).
        """
        known = await self._read(name)
        if _is_latest(known, wanted):  # a repeat: the reservation may have ended since
            return await self._decided(known, wanted, patience)
        _check_changeable(known)
        await self._record(known, wanted)  # first: no change goes unrecorded
        await self._backend.temporal.change(known, wanted, patience.remaining_s)
        return await self._decided(await self._read(name), wanted, patience)

    async def _record(self, known: Reservation, wanted: ChangeInput) -> None:
        async with self._backend.db.write() as tx:
            await record_change(
                tx,
                "UpdateReservation",
                reservation_name(known.name),
                self._backend.now(),
                station=known.station,
                request_id=wanted.request_id,
            )

    async def _read(self, name: str) -> Reservation:
        async with self._backend.db.read() as tx:
            return await known_reservation(tx, current_caller().tenant, reservation_name(name))

    async def _decided(
        self, known: Reservation, wanted: ChangeInput, patience: Patience
    ) -> Reservation:
        with self._backend.follower.resource(known.tenant, known.name) as changed:
            while True:
                changed.clear()
                known = await self._read(known.name)
                if known.ended or _is_decided(known, wanted) or patience.remaining_s <= 0:
                    return known
                await either(changed, patience.draining, patience.remaining_s)


def _is_latest(known: Reservation, wanted: ChangeInput) -> bool:
    return known.change is not None and known.change.request_id == wanted.request_id


def _is_decided(known: Reservation, wanted: ChangeInput) -> bool:
    """Whether the change was answered, and left no doubt about the reservation as it was."""
    change = known.change
    if change is None or change.request_id != wanted.request_id:
        return False
    return change.state is not ChangeState.PENDING and known.doubt_time is None


def _check_changeable(known: Reservation) -> None:
    shown = reservation_name(known.name)
    verdict = judge_change(known)
    if verdict is ChangeVerdict.ENDED:
        raise Refusal(
            Reason.RESERVATION_ENDED,
            f"{shown} has ended: {known.state.value} ({known.cause}).",
        )
    if verdict is ChangeVerdict.NOT_HELD:
        raise Refusal(
            Reason.RESERVATION_NOT_HELD,
            f"{shown} is {known.state.value}; it can be changed once it is HELD.",
        )
