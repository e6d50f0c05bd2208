"""The way of a change of a reservation: asked of its workflow, waited for, and told as it is."""

from broker.auth import current_caller
from broker.commands.resolving import reservation_of
from broker.commands.submitting import Backend
from broker.errors import Reason, Refusal
from broker.orders import Orders
from broker.proto import names as resource_names
from broker.reading.waiting import Patience, either
from contract.reservations import ChangeInput
from domain.reservations.reservation import ChangeState, Reservation, ReservationState


class Changer:
    """Has held reservations changed."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._orders = Orders(backend.client, backend.settings)

    async def change(self, name: str, asked: ChangeInput, patience: Patience) -> Reservation:
        """The reservation after the change, or as it is when patience ends.

        Raises: Refusal (RESERVATION_NOT_FOUND, RESERVATION_ENDED, RESERVATION_NOT_HELD).
        """
        known = await self._read(name)
        if _is_latest(known, asked):
            return await self._decided(known, asked, patience)
        _check_changeable(known)
        await self._orders.change(known, asked, patience.remaining_s)
        return await self._decided(await self._read(name), asked, patience)

    async def _read(self, name: str) -> Reservation:
        tenant = current_caller().tenant
        async with self._backend.db.read() as tx:
            return await reservation_of(tx, tenant, resource_names.reservation_name(name))

    async def _decided(
        self, known: Reservation, asked: ChangeInput, patience: Patience
    ) -> Reservation:
        with self._backend.follower.command(known.tenant, known.name) as changed:
            while True:
                changed.clear()
                known = await self._read(known.name)
                if known.ended or _is_decided(known, asked) or patience.remaining_s <= 0:
                    return known
                await either(changed, patience.draining, patience.remaining_s)


def _is_latest(known: Reservation, asked: ChangeInput) -> bool:
    return known.change is not None and known.change.request_id == asked.request_id


def _is_decided(known: Reservation, asked: ChangeInput) -> bool:
    """The change was answered, and the old hold is not in doubt because of it."""
    change = known.change
    if change is None or change.request_id != asked.request_id:
        return False
    return change.state is not ChangeState.PENDING and known.doubt_time is None


def _check_changeable(known: Reservation) -> None:
    shown = resource_names.reservation_name(known.name)
    if known.ended:
        raise Refusal(
            Reason.RESERVATION_ENDED,
            f"{shown} has ended: {known.state.value} ({known.cause}).",
        )
    if known.state is not ReservationState.HELD:
        raise Refusal(
            Reason.RESERVATION_NOT_HELD,
            f"{shown} is {known.state.value}; it can be changed once it is HELD.",
        )
