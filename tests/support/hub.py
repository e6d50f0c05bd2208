"""One station with many starts: commands, frames and sessions as rows, judged by the activity."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from contract.commands import WeighEvidenceInput, WeighEvidenceResult
from domain.commands import transitions as changes
from domain.commands.timing import Timing
from domain.evidence.facts import Facts
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import IdToken, Kind, StartSpec
from fleet import sends
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.values import to_micros
from fleet.log import commands as log
from fleet.sends import Send
from fleet.tables import claims
from fleet.transactions.rows import Transaction
from journal.commands.answers import answer_to_row
from journal.commands.facts import read_facts
from journal.commands.record import from_snapshot, record
from tests.support.fleet_rows import connect, event_2, intend, later, make_station, start_16
from workflows.activities.commands import CommandActivities
from workflows.activities.offers import no_line

TENANT = "acme"
TIMING = Timing(
    answer_timeout_s=30,
    connection_timeout_s=60,
    effect_margin_s=15,
    stop_effect_s=60,
    guard_s=86_400,
)
ACCEPTED = StationAnswer(Verdict.ACCEPTED, "Accepted")
REFUSED = StationAnswer(Verdict.REJECTED, "Rejected")


class Hub:
    """The station CP1 of tenant "acme". Times are seconds after `fleet_rows.NOW`."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._activities = CommandActivities(db, no_line)

    async def open(self, ocpp_version: str = "ocpp1.6") -> "Hub":
        """Registers and connects the station."""
        async with self.db.write() as tx:
            await make_station(tx)
            await connect(tx, ocpp_version=ocpp_version)
        return self

    async def start(
        self,
        name: str,
        at_s: float,
        *,
        token: str = "digest",
        evse_id: int | None = 1,
        group: str | None = None,
        answer: StationAnswer | None = ACCEPTED,
    ) -> Send:
        """A start that was sent then, and answered a second later (None: never)."""
        command = _queued(name, later(at_s), token, evse_id)

        async def write(tx: Tx) -> Send:
            send = await intend(
                tx,
                name,
                token_digest=token,
                group_digest=group,
                evse_id=evse_id,
                now=later(at_s),
            )
            await self._change(tx, name, "sent:1", lambda c: changes.sent(c, later(at_s)), command)
            if answer is not None:
                heard = later(at_s + 1)
                await sends.answered(tx, send.id, answer=answer_to_row(answer), now=heard)
                await self._change(
                    tx,
                    name,
                    "answered:1",
                    lambda c: changes.answered(c, answer, heard, decides=False),
                )
            return send

        return await self.db.batch(write)

    async def give_up(self, name: str, cause: Cause, at_s: float) -> None:
        """The command ended without a session."""
        outcome, at = ending(cause), later(at_s)
        await self._apart(name, "given_up", lambda c: changes.concluded(c, outcome, at))

    async def cancel(self, name: str, at_s: float) -> None:
        """Its caller took it back."""
        await self._apart(name, "cancelled", lambda c: changes.cancelled(c, later(at_s)))

    async def session(self, at_s: float, **changed: Any) -> Transaction:
        """A session of OCPP 1.6 that began then and was reported at once."""
        times: dict[str, Any] = {"start_time": later(at_s), "now": later(at_s)}
        async with self.db.write() as tx:
            return (await start_16(tx, **(times | changed)))[0]

    async def session_2x(self, at_s: float, **changed: Any) -> Transaction:
        """A session of OCPP 2.x that began then and was reported at once."""
        known: dict[str, Any] = {"token_digest": "digest", "evse_id": 1, "authorized": True}
        times: dict[str, Any] = {"event_time": later(at_s), "now": later(at_s)}
        async with self.db.write() as tx:
            return (await event_2(tx, **(known | times | changed)))[0]

    async def weigh(self, name: str, at_s: float) -> WeighEvidenceResult:
        """What the command's workflow is told when it looks at the facts then."""
        return await self._activities.weigh_evidence(
            WeighEvidenceInput(TENANT, name, TIMING, later(at_s))
        )

    async def facts(self, name: str, at_s: float) -> Facts:
        """All that is read about the command then."""
        command = await self.command(name)
        async with self.db.read() as tx:
            return await read_facts(tx, command, None, TIMING, later(at_s))

    async def command(self, name: str) -> Command:
        """The command as the log has it."""
        async with self.db.read() as tx:
            entry = await log.latest(tx, tenant=TENANT, name=name)
        assert entry is not None
        return from_snapshot(entry.snapshot)

    async def claims(self) -> dict[str, str]:
        """Which command has which session."""
        async with self.db.read() as tx:
            rows = await tx.execute(select(claims.c.session, claims.c.command))
            return dict([tuple(row) for row in rows])

    async def until_blocked(self) -> None:
        """Waits until a transaction waits for another one (PostgreSQL)."""
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        async with asyncio.timeout(10):
            while True:
                async with self.db.read() as tx:
                    if (await tx.execute(waits)).scalar_one():
                        return

    async def fill(
        self, numbers: range, *, from_s: float, token: str | None, claimed: bool
    ) -> None:
        """Many starts, a second apart, whose sessions have ended. token: None: one each."""
        values = {
            "first": numbers.start,
            "last": numbers.stop - 1,
            "from_us": to_micros(later(from_s)),
            "token": token,
            "claimed": claimed,
        }
        async with self.db.write() as tx:
            for statement in _FILL:
                await tx.execute(statement, values)

    async def _apart(self, name: str, key: str, change: Callable[[Command], Command]) -> None:
        async with self.db.write() as tx:
            await self._change(tx, name, key, change)

    async def _change(
        self,
        tx: Tx,
        name: str,
        key: str,
        change: Callable[[Command], Command],
        initial: Command | None = None,
    ) -> None:
        await record(
            tx, tenant=TENANT, name=name, key=key, change=change, initial=initial, now=later(0)
        )


def _queued(name: str, created: datetime, token: str, evse_id: int | None) -> Command:
    command = Command(
        name=name,
        tenant=TENANT,
        kind=Kind.START_SESSION,
        station="CP1",
        state=State.QUEUED,
        create_time=created,
        not_after=later(86_400),
        workflow_id=f"command/{TENANT}/{name}",
    )
    spec = StartSpec(IdToken("ISO14443", "****1234", "sealed", token), evse_id=evse_id)
    return replace(command, start=spec)


_ROWS = """
    SELECT i AS number, CAST(:from_us AS bigint) + CAST(i - :first AS bigint) * 1000000 AS at_us,
        coalesce(CAST(:token AS varchar), 'token-' || i) AS token
    FROM (WITH RECURSIVE numbers(i) AS (
        SELECT CAST(:first AS integer) UNION ALL SELECT i + 1 FROM numbers WHERE i < :last
    ) SELECT i FROM numbers) AS counted
"""
_FILL = [
    text(f"""
        INSERT INTO sends (command, tenant, station, kind, attempt, state, message_id, evse_id,
            token_digest, send_time, answer, answer_time, closed, claimed)
        SELECT 'filler-' || number, 'acme', 'CP1', 'START_SESSION', 1, 'ANSWERED',
            'filler-' || number, 1, token, at_us, '{{"verdict": "ACCEPTED", "status": "Accepted"}}',
            at_us, true, :claimed
        FROM ({_ROWS}) AS made
    """),
    text(f"""
        INSERT INTO transactions (name, tenant, station, ocpp_transaction_id, evse_id,
            token_digest, start_time, received_time, authorized, minted, state, stop_time,
            stop_received_time)
        SELECT 'session-' || number, 'acme', 'CP1', 's' || number, 1, token, at_us, at_us, true,
            true, 'ENDED', at_us, at_us
        FROM ({_ROWS}) AS made
    """),
    text(f"""
        INSERT INTO claims (session, tenant, command, time)
        SELECT 'session-' || number, 'acme', 'filler-' || number, at_us
        FROM ({_ROWS}) AS made WHERE :claimed
    """),
]
