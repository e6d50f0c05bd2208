"""What a decision that was begun twice says of its frame, on both databases."""

from dataclasses import replace

import pytest

from contract.commands import PrepareCommandInput, SendFrameInput, SendFrameResult, SendStatus
from domain.commands import transitions as changes
from domain.commands.sending import SendAct
from domain.commands.timing import Timing
from domain.model.outcomes import Cause
from domain.model.specs import Kind, StopSpec
from domain.model.ways import LineUse
from fleet import connections, stations
from fleet.database import Database
from journal.commands.record import record
from tests.support.fleet_rows import NOW, connect, intend, later, make_station, start_16
from tests.unit.broker.things import command
from workflows.activities.offers import Offered
from workflows.activities.preparing import prepare

START = replace(command(), tenant="acme", station="CP1")
NOT_SENT = SendFrameResult(
    SendStatus.NOT_SENT, cause=Cause.STATION_OFFLINE.value, retry=True, revision=0
)


@pytest.fixture
async def ready(db: Database) -> Database:
    """The station CP1 takes frames, and its gateway has a direct line."""
    async with db.write() as tx:
        await make_station(tx)
        await connect(tx)
        await connections.renew_gateway(tx, "gw1", until=later(60), line="127.0.0.1:9")
        await stations.take_as_booted(tx, "CP1", ocpp_version="1.6", now=NOW)
    return db


@pytest.mark.parametrize(("has_intent", "sent"), [(True, None), (False, NOT_SENT)])
async def test_a_frame_that_was_not_sent_now_may_have_been_sent_before(
    ready: Database, has_intent: bool, sent: SendFrameResult | None
) -> None:
    async def offer(_gateway: str, _line: str, frame: SendFrameInput) -> Offered:
        """This gateway sent nothing; meanwhile the frame of a lost worker came to another one."""
        if has_intent:
            async with ready.write() as tx:
                await record(
                    tx,
                    tenant=frame.tenant,
                    name=frame.command,
                    key="sent:1",
                    change=lambda known: changes.sent(known, NOW),
                    initial=frame.initial,
                    now=NOW,
                )
                await intend(tx, frame.command, workflow_id=frame.workflow_id)
        return Offered(LineUse.USED, NOT_SENT)

    request = PrepareCommandInput(
        START, timing=Timing(30, 60, 15, 60, 600), now=NOW, attempt=1, hand_over=True
    )
    route = await prepare(ready, offer, request)
    assert (route.offered, route.sent) == (True, sent)


@pytest.mark.parametrize(
    ("named", "now_s", "course", "cause"),
    [
        (False, 0, SendAct.WAIT, None),
        (False, 3_600, SendAct.CONCLUDE, Cause.SESSION_WITHOUT_ID),
        (True, 0, SendAct.SEND, None),
    ],
)
async def test_a_stop_waits_until_its_session_has_an_id(
    ready: Database, named: bool, now_s: float, course: SendAct, cause: Cause | None
) -> None:
    async def offer(_gateway: str, _line: str, frame: SendFrameInput) -> Offered:
        raise AssertionError(frame)

    async with ready.write() as tx:
        await connections.renew_gateway(tx, "gw1", until=later(7_200))
        session, _ = await start_16(tx, given_id=0)
        if named:
            await start_16(tx, given_id=77)
    spec = StopSpec(found_ocpp_transaction_id="-1", found_transaction=session.name)
    stop = replace(START, kind=Kind.STOP_SESSION, start=None, stop=spec, not_after=later(600))
    request = PrepareCommandInput(stop, timing=Timing(30, 60, 15, 60, 600), now=later(now_s))
    route = await prepare(ready, offer, request)
    assert route.course is course
    assert (route.outcome.cause if route.outcome else None) == cause
