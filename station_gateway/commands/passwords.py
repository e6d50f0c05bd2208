"""Gives stations their new passwords: the thin side of `domain.model.rotations`.

Every two seconds it reads which rotations are due at the stations that are connected here. What it
does for one of them it writes down before, so that a gateway that dies leaves a rotation that goes
on at the station's next gateway. A password stands in the frame and nowhere else.
"""

import asyncio
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from domain.model import rotations
from domain.model.rotations import Rotation, RotationState, RotationStep
from fleet import station_secrets
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.engine.values import InvalidValue
from fleet.keys import Sealer
from fleet.station_secrets import StoredRotation
from station_gateway.commands.answers import take_blame, written_within
from station_gateway.commands.questions import turn_at
from station_gateway.dialects.messages import OutgoingCall, Unsendable
from station_gateway.session.events import SERVICE_RESTART, AnswerReceived, SessionOver
from station_gateway.session.queue import Priority, QueueFull
from station_gateway.settings import GatewaySettings
from station_gateway.stations.registry import Registry
from station_gateway.stations.standing import Revoked, check_generation, check_standing
from station_gateway.stations.station import ConnectedStation
from station_gateway.stations.waiting import StationGone

log = structlog.get_logger(__name__)

RENEWED = "new password"
"""Why a socket was closed, in the metric."""


class PasswordRotations:
    """Follows the rotations of the stations that have their socket in this process."""

    def __init__(
        self,
        db: Database,
        sealer: Sealer,
        registry: Registry,
        settings: GatewaySettings,
        *,
        gateway: str,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._sealer = sealer
        self._registry = registry
        self._settings = settings
        self._gateway = gateway
        self._utc_now = utc_now
        self._going_on: set[str] = set()

    async def run(self) -> None:
        """Look for what is due until cancelled."""
        while True:
            await asyncio.sleep(self._settings.rotation_interval_s)
            try:
                await self.look()
            except DatabaseUnavailable:
                log.warning("rotations_not_read")

    async def look(self) -> None:
        """Begin all that is due now. Raises: DatabaseUnavailable."""
        now = self._utc_now()
        async with self._db.read() as tx:
            due = await station_secrets.due_rotations(
                tx, gateway=self._gateway, now=now, limit=self._settings.rotations
            )
        for stored in due:
            station = self._registry.get(stored.station)
            if station is not None and len(self._going_on) < self._settings.rotations:
                station.later(0.0, partial(self._go_on, station, stored))

    async def keep_answer(self, station: ConnectedStation, event: AnswerReceived) -> None:
        """Keep the station's answer to the newest frame, in time or late."""
        take_blame(event.answer, event.action, station.peer.id)
        now, grace = self._utc_now(), timedelta(seconds=self._settings.rotation_grace_s)
        answer = station.dialect.read_set_password(event.answer)

        async def write(tx: Tx) -> tuple[Rotation | None]:
            # Also when the station is back on another socket: it has answered all the same.
            await check_generation(tx, station.peer)
            changed = await station_secrets.change_rotation(
                tx,
                station.peer.id,
                lambda found: (
                    rotations.answered(found.rotation, answer, now, grace=grace)
                    if _waits_for(found, event.message_id)
                    else None
                ),
            )
            return (changed,)

        try:
            limit_s, pause_s = self._settings.fact_timeout_s, self._settings.retry_pause_s
            written = await written_within(limit_s, self._db, write, pause_s=pause_s)
        except Revoked as over:
            station.revoke(over)
            return
        if written is None:
            log.warning("password_answer_not_kept", station=station.peer.id)
        elif written[0] is not None:
            _tell(station, written[0])

    async def _go_on(self, station: ConnectedStation, stored: StoredRotation) -> None:
        """Take the next step of a rotation, unless one is being taken here."""
        if station.peer.id in self._going_on:
            return
        self._going_on.add(station.peer.id)
        try:
            if rotations.next_step(stored.rotation, self._utc_now()) is RotationStep.CLOSE:
                await self._close(station, stored)
            else:
                await self._send(station, stored)
        except Revoked as over:
            station.revoke(over)
        except DatabaseUnavailable:
            log.warning("rotation_not_written", station=station.peer.id)
        finally:
            self._going_on.discard(station.peer.id)

    async def _send(self, station: ConnectedStation, stored: StoredRotation) -> None:
        """Send the password, and keep the answer."""
        try:
            action, payload = self._frame(station, stored)
        except Unsendable as why:
            await self._change(station, stored, partial(rotations.unsendable, why=str(why)))
            return
        key, limit_s = str(uuid.uuid4()), self._settings.ask_timeout_s
        try:
            async with turn_at(station, key, Priority.BACKGROUND, self._deadline()):
                if not await self._change(station, stored, rotations.sent, message_id=key):
                    return
                event = await station.call(key, action, payload, limit_s)
        except (TimeoutError, QueueFull):
            await self._change(station, stored, rotations.put_off)
        except (StationGone, SessionOver):
            return
        else:
            if isinstance(event, AnswerReceived):
                await self.keep_answer(station, event)

    def _frame(self, station: ConnectedStation, stored: StoredRotation) -> OutgoingCall:
        """Raises: Unsendable when the station has no use, or no words, for this password.

        A password of ours would lock a relayed station out of its back end. To one with a
        certificate it is of no use, and nobody would see that it has it.
        """
        if station.peer.relayed:
            raise Unsendable("the station is relayed: its back end knows its password")
        if station.peer.certified:
            raise Unsendable("the station came with a certificate and shows no password")
        try:
            password = self._sealer.open(stored.sealed or "")
        except InvalidValue:
            raise Unsendable("the password was sealed with another key") from None
        return station.dialect.set_password(password)

    async def _close(self, station: ConnectedStation, stored: StoredRotation) -> None:
        """Close the socket of a station that took the password, once no frame is out."""
        key = str(uuid.uuid4())
        try:
            async with turn_at(station, key, Priority.BACKGROUND, self._deadline()):
                if await self._change(station, stored, rotations.closed):
                    station.end(RENEWED, SERVICE_RESTART)
        except (TimeoutError, QueueFull, StationGone):
            return

    async def _change(
        self,
        station: ConnectedStation,
        stored: StoredRotation,
        change: Callable[..., Rotation],
        *,
        message_id: str | None = None,
    ) -> bool:
        """Write down what is done now; False when something else is due by now, or nothing.

        stored: as it was when the step was chosen. Meanwhile the station may have answered late,
        and another rotation may have begun, with another password.

        Raises: Revoked, DatabaseUnavailable.
        """
        peer, now = station.peer, self._utc_now()
        step = rotations.next_step(stored.rotation, now)

        def changed_now(found: StoredRotation) -> Rotation | None:
            same = found.sealed == stored.sealed
            due = rotations.next_step(found.rotation, now) is step
            return change(found.rotation, now=now) if same and due else None

        async with self._db.write() as tx:
            await check_standing(tx, peer)
            changed = await station_secrets.change_rotation(
                tx, peer.id, changed_now, message_id=message_id
            )
        if changed is not None:
            _tell(station, changed)
        return changed is not None

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._settings.ask_timeout_s


def _waits_for(found: StoredRotation, message_id: str) -> bool:
    """Whether the answer to this frame is waited for: no newer one was sent, and none answered."""
    return found.rotation.state is RotationState.SENT and found.message_id == message_id


def _tell(station: ConnectedStation, rotation: Rotation) -> None:
    """One line of the log for each step of a rotation."""
    tell = log.warning if rotation.state is RotationState.REJECTED else log.info
    tell(
        "password_rotation",
        station=station.peer.id,
        state=rotation.state.value,
        sends=rotation.sends,
        answer=rotation.answer,
    )
