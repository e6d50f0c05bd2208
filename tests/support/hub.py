"""One station with many starts: commands, frames and sessions as rows, judged by the activity."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert

from contract.commands import WeighEvidenceInput, WeighEvidenceResult
from domain.commands import transitions as changes
from domain.commands.timing import Timing
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import IdToken, Kind, StartSpec
from fleet import sends
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.sends import Send
from fleet.tables import sends as sends_table
from fleet.tables import transactions as transactions_table
from fleet.transactions.rows import Transaction
from journal.commands.answers import answer_to_row
from journal.commands.record import from_snapshot, record
from tests.support.fleet_rows import connect, event_2, intend, later, make_station, start_16
from workflows.activities.commands import CommandActivities

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
        self._activities = CommandActivities(db)

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

    async def session(self, at_s: float, **changed: object) -> Transaction:
        """A session of OCPP 1.6 that began then and was reported at once."""
        times = {"start_time": later(at_s), "now": later(at_s)}
        async with self.db.write() as tx:
            return (await start_16(tx, **(times | changed)))[0]

    async def session_2x(self, at_s: float, **changed: object) -> Transaction:
        """A session of OCPP 2.x that began then and was reported at once."""
        known = {"token_digest": "digest", "evse_id": 1, "authorized": True}
        times = {"event_time": later(at_s), "now": later(at_s)}
        async with self.db.write() as tx:
            return (await event_2(tx, **(known | times | changed)))[0]

    async def weigh(self, name: str, at_s: float) -> WeighEvidenceResult:
        """What the command's workflow is told when it looks at the facts then."""
        return await self._activities.weigh_evidence(
            WeighEvidenceInput(TENANT, name, TIMING, later(at_s))
        )

    async def command(self, name: str) -> Command:
        """The command as the log has it."""
        async with self.db.read() as tx:
            entry = await log.latest(tx, tenant=TENANT, name=name)
        assert entry is not None
        return from_snapshot(entry.snapshot)

    async def fill(self, count: int, *, from_s: float, token: str | None, claimed: bool) -> None:
        """Many starts, a second apart, whose sessions have ended. token: None: one each."""
        frames = [
            _frame(number, later(from_s + number), token or f"token-{number}", claimed=claimed)
            for number in range(count)
        ]
        rows = [_session(number, frame) for number, frame in enumerate(frames)]
        async with self.db.write() as tx:
            await tx.execute(insert(sends_table), frames)
            await tx.execute(insert(transactions_table), rows)

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


def _frame(number: int, at: datetime, token: str, *, claimed: bool) -> dict[str, object]:
    return {
        "command": f"filler-{number}",
        "tenant": TENANT,
        "station": "CP1",
        "kind": Kind.START_SESSION.value,
        "attempt": 1,
        "state": "ANSWERED",
        "message_id": f"filler-{number}",
        "undo": False,
        "evse_id": 1,
        "token_digest": token,
        "send_time": at,
        "answer": answer_to_row(ACCEPTED),
        "answer_time": at,
        "closed": True,
        "claimed": claimed,
    }


def _session(number: int, frame: dict[str, object]) -> dict[str, object]:
    return {
        "name": f"session-{number}",
        "tenant": TENANT,
        "station": "CP1",
        "ocpp_transaction_id": f"s{number}",
        "evse_id": 1,
        "token_digest": frame["token_digest"],
        "start_time": frame["send_time"],
        "received_time": frame["send_time"],
        "authorized": True,
        "minted": True,
        "state": "ENDED",
        "stop_time": frame["send_time"],
        "stop_received_time": frame["send_time"],
    }
