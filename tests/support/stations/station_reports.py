"""What a station reports, and how it connects and leaves, written as a gateway writes it."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from domain.model.specs import IdToken
from fleet import connections, sends, stations, transactions
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.sends import Send
from fleet.transactions.rows import Transaction
from journal.commands.waking import StationEvent, wake_concerned
from journal.wakeups import WakeupDispatcher

TENANT = "acme"
TOKEN = IdToken("ISO14443", "****1234", "sealed", "digest-of-1234")
numbers = itertools.count(1)

T = TypeVar("T")


class StationReports:
    """One station of a fleet. now: the server's time."""

    def __init__(
        self,
        db: Database,
        dispatcher: WakeupDispatcher,
        clock: Callable[[], Awaitable[datetime]],
        station: str,
        gateway_id: str,
    ) -> None:
        self.db = db
        self.dispatcher = dispatcher
        self.now = clock
        self.station = station
        self.gateway_id = gateway_id
        self.version = "1.6"
        self.line = ""  # of its gateway

    async def connect(
        self, version: str = "1.6", *, boot: str | None = "ACCEPTED", reason: str = ""
    ) -> None:
        """The station connects through the scripted gateway, and boots unless `boot` is None."""
        self.version = version
        now = await self.now()
        async with self.db.write() as tx:
            until = now + timedelta(days=3650)
            await connections.renew_gateway(tx, self.gateway_id, until=until, line=self.line)
            await connections.claim(
                tx,
                station=self.station,
                gateway=self.gateway_id,
                connection_id=f"socket-{next(numbers)}",
                ocpp_version=version,
                now=now,
            )
            if boot is not None:
                await self._boot(tx, boot, reason, now)
            await wake_concerned(tx, StationEvent(self.station, "connected"), now)
        self.dispatcher.kick()

    async def boots(self, reason: str = "") -> None:
        """The station boots on the socket that it has, and is accepted."""
        now = await self.now()

        async def write(tx: Tx) -> None:
            await self._boot(tx, "ACCEPTED", reason, now)
            await wake_concerned(tx, StationEvent(self.station, "booted"), now)

        await self.commit(write)

    async def _boot(self, tx: Tx, boot: str, reason: str, now: datetime) -> None:
        holder = await connections.holder(tx, self.station, now=now)
        assert holder is not None
        await stations.record_boot(
            tx,
            self.station,
            state=boot,
            vendor="v",
            model="m",
            serial_number="",
            firmware_version="",
            ocpp_version=self.version,
            reason=reason,
            connection_id=holder.connection_id,
            now=now,
        )

    async def disconnect(self, *, moves: bool = False) -> None:
        """The station's socket closes. moves: its gateway closes it, to drain."""
        now = await self.now()
        async with self.db.write() as tx:
            holder = await connections.holder(tx, self.station, now=now)
            if holder is not None:
                await connections.release(
                    tx,
                    station=self.station,
                    connection_id=holder.connection_id,
                    now=now,
                    moves=moves,
                )

    async def session_starts(
        self,
        *,
        token: IdToken = TOKEN,
        evse_id: int = 1,
        started: datetime | None = None,
        start_slack_s: float | None = None,
        clock_suspect: bool = False,
        authorized: bool = True,
        silently: bool = False,
        reservation_id: int | None = None,
    ) -> Transaction:
        """A 1.6 station reports StartTransaction. start_slack_s: None: its clock is not known."""
        now = await self.now()

        async def write(tx: Tx) -> Transaction:
            row, _ = await transactions.start_v16(
                tx,
                station=self.station,
                tenant=TENANT,
                evse_id=evse_id,
                token_digest=token.digest,
                token_masked=token.masked,
                group_digest=None,
                meter_start_wh=1000,
                start_time=started or now,
                start_slack_s=start_slack_s,
                clock_suspect=clock_suspect,
                authorized=authorized,
                reservation_id=reservation_id,
                now=now,
            )
            if not silently:
                await self._tell(tx, row, now)
            return row

        return await self.commit(write)

    async def session_event(
        self, event_type: str, ocpp_transaction_id: str, **told: Any
    ) -> Transaction:
        """A 2.x station reports a TransactionEvent."""
        now = await self.now()
        fields: dict[str, Any] = {
            "seq_no": next(numbers),
            "evse_id": 1,
            "connector_id": 1,
            "token_digest": TOKEN.digest,
            "token_masked": TOKEN.masked,
            "group_digest": None,
            "remote_start_id": None,
            "reservation_id": None,
            "event_time": now,
            "clock_suspect": False,
            "offline": False,
            "authorized": True,
            "meter_wh": None,
            "stop_reason": "",
            "charging_state": "",
        }

        async def write(tx: Tx) -> Transaction:
            row, _ = await transactions.event_v2(
                tx,
                station=self.station,
                tenant=TENANT,
                ocpp_transaction_id=ocpp_transaction_id,
                event_type=event_type,
                now=now,
                **{**fields, **told},
            )
            await self._tell(tx, row, now)
            return row

        return await self.commit(write)

    async def open_sends(self) -> list[Send]:
        """The sends of the station that a workflow still waits for."""
        async with self.db.read() as tx:
            return await sends.open_for_station(tx, self.station)

    async def session_ends(
        self, session: Transaction, reason: str = "Remote", stopped: datetime | None = None
    ) -> Transaction:
        """A 1.6 station reports StopTransaction."""
        return await self.session_ends_by_id(session.ocpp_transaction_id, reason, stopped)

    async def session_ends_by_id(
        self, ocpp_transaction_id: str, reason: str = "Remote", stopped: datetime | None = None
    ) -> Transaction:
        """A 1.6 station reports StopTransaction of this id."""
        now = await self.now()

        async def write(tx: Tx) -> Transaction:
            await transactions.observe(
                tx,
                station=self.station,
                tenant=TENANT,
                ocpp_transaction_id=ocpp_transaction_id,
                evse_id=None,
                meter_wh=None,
                now=now,
            )
            row = await transactions.stop_v16(
                tx,
                station=self.station,
                ocpp_transaction_id=ocpp_transaction_id,
                meter_stop_wh=2000,
                stop_time=stopped or now,
                reason=reason,
                now=now,
            )
            assert row is not None
            await self._tell(tx, row, now)
            return row

        return await self.commit(write)

    async def session_lives(self, session: Transaction) -> None:
        """A station reports something of a session that runs, which is no news."""
        now, named = await self.now(), session.ocpp_transaction_id
        await self.commit(lambda tx: transactions.show_alive(tx, self.station, named, now))

    async def metered(self, ocpp_transaction_id: str, evse_id: int = 1) -> None:
        """A 1.6 station reports MeterValues with a transaction id."""
        now = await self.now()

        async def write(tx: Tx) -> None:
            await transactions.observe(
                tx,
                station=self.station,
                tenant=TENANT,
                ocpp_transaction_id=ocpp_transaction_id,
                evse_id=evse_id,
                meter_wh=1500,
                now=now,
            )
            event = StationEvent(
                self.station,
                "transaction",
                evse_id=evse_id,
                ocpp_transaction_id=ocpp_transaction_id,
            )
            await wake_concerned(tx, event, now)

        await self.commit(write)

    async def connector(self, *statuses: str, evse_id: int = 1) -> None:
        """The station reports a connector's states, one after the other."""
        for status in statuses:
            now = await self.now()

            async def write(tx: Tx, status: str = status, now: datetime = now) -> None:
                await stations.set_connector(
                    tx,
                    station=self.station,
                    evse_id=evse_id,
                    connector_id=1,
                    status=status,
                    error_code="NoError",
                    now=now,
                )
                event = StationEvent(self.station, "connector_status", evse_id, 1, status=status)
                await wake_concerned(tx, event, now)

            await self.commit(write)

    async def _tell(self, tx: Tx, row: Transaction, now: datetime) -> None:
        event = StationEvent(
            self.station,
            "transaction",
            evse_id=row.evse_id,
            token_digest=row.token_digest,
            group_digest=row.group_digest,
            remote_start_id=row.remote_start_id,
            ocpp_transaction_id=row.ocpp_transaction_id,
            reservation_id=row.reservation_id,
        )
        await wake_concerned(tx, event, now)

    async def commit(self, write: Callable[[Tx], Awaitable[T]]) -> T:
        """Write a fact and deliver its wake-ups."""
        result = await self.db.batch(write)
        self.dispatcher.kick()
        return result
