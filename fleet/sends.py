"""Sends: the intent to write a frame, committed before the frame is written.

No row means certainly not sent; a row in state INTENT means perhaps sent. One race decides whether
a frame is sent, on the key (tenant, command, attempt): the gateway inserts INTENT, a workflow that
gives up on the attempt inserts VOID, and the database lets the first one stand.

    (none) -> INTENT -> ANSWERED          LOST: sent, no answer (so far)
         `-> VOID  `-> LOST -> ANSWERED
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, literal_column, or_, select, text, update

from domain.model.numbers import number_of
from fleet.connections import current_epoch
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import (
    cut,
    identifier,
    int32,
    optional_identifier,
    optional_int32,
)
from fleet.tables import commands, reservations, sends

OPEN_LIMIT = 1_000
"""How many open sends of one station are read at most."""


@dataclass(frozen=True, slots=True)
class Send:
    """One attempt to send one command's frame.

    state: "INTENT", "ANSWERED", "VOID" (never sent) or "LOST" (sent, no answer).
    undo: whether the frame compensates for an earlier one.
    closed: no workflow waits for its evidence any longer.
    answer: the station's answer, as the gateway stored it. cause: why it is LOST.
    action, frame: what was written, in OCPP's words, with every token masked.
    lost_time: when the gateway gave up on the answer; an answer may have come later.
    watched_until: of a command whose workflow has ended: until then late evidence begins it anew.
    line: which way it came, as in `domain/model/ways.py`; "" before version 0024.
    token_refused_time, token_unclear_time: see `domain.evidence.sessions.SentFrame`.
    """

    id: int
    command: str
    tenant: str
    workflow_id: str
    station: str
    kind: str
    attempt: int
    state: str
    message_id: str
    epoch: int
    undo: bool
    evse_id: int | None
    connector_id: int | None
    token_digest: str | None
    group_digest: str | None
    named_id: str | None
    send_time: datetime
    answer: dict[str, Any] | None
    answer_time: datetime | None
    closed: bool
    cause: str = ""
    action: str = ""
    frame: dict[str, Any] | None = None
    lost_time: datetime | None = None
    watched_until: datetime | None = None
    token_masked: str = ""
    line: str = ""
    token_refused_time: datetime | None = None
    token_unclear_time: datetime | None = None

    @property
    def number(self) -> int:
        """The remoteStartId on OCPP 2.x; see `fleet.remote_starts`."""
        return number_of(self.id)


class StaleEpoch(Exception):
    """The station has another connection than the one of this epoch, or none: do not send."""


class AlreadySettled(Exception):
    """This attempt was decided before: `send` is the row that stands, in any state."""

    def __init__(self, send: Send) -> None:
        super().__init__(f"attempt {send.attempt} of command {send.command} is {send.state}")
        self.send = send


_SEND = columns_of(sends, Send)
# The same text as in the partial index: with parameters neither database would use the index.
_IS_OPEN = text("NOT sends.closed AND sends.state <> 'VOID'")

_INSERT = Upsert(
    lambda insert: (
        insert(sends)
        .values(
            **bound(
                sends,
                *("command", "tenant", "workflow_id", "station", "kind", "attempt", "state"),
                *("message_id", "epoch", "undo", "evse_id", "connector_id", "token_digest"),
                *("group_digest", "named_id", "send_time", "action", "frame", "token_masked"),
                "line",
            )
        )
        .on_conflict_do_nothing(index_elements=["tenant", "command", "attempt"])
        .returning(*_SEND)
    )
)
_BLANK: dict[str, Any] = {
    **dict.fromkeys(("workflow_id", "station", "kind", "message_id", "action", "token_masked"), ""),
    **dict.fromkeys(("evse_id", "connector_id", "token_digest", "group_digest", "named_id")),
    "epoch": 0,
    "undo": False,
    "frame": None,
    "line": "",
}
_OF_COMMAND = (sends.c.tenant == bindparam("tenant"), sends.c.command == bindparam("command"))
_ATTEMPT = precompiled(select(*_SEND).where(*_OF_COMMAND, sends.c.attempt == bindparam("attempt")))
_ANSWERED = precompiled(
    update(sends)
    .where(
        sends.c.id == bindparam("send"),
        or_(sends.c.state == "INTENT", sends.c.state == "LOST"),
    )
    .values(
        state="ANSWERED",
        answer=bindparam("said", type_=sends.c.answer.type),
        answer_time=bindparam("at", type_=sends.c.answer_time.type),
    )
)
_LOST = precompiled(
    update(sends)
    .where(sends.c.id == bindparam("send"), sends.c.state == "INTENT")
    .values(
        state="LOST",
        cause=bindparam("why"),
        lost_time=bindparam("at", type_=sends.c.lost_time.type),
    )
)
_TOKEN_ASKED = {
    is_refused: precompiled(
        update(sends)
        .where(sends.c.id == bindparam("send"), or_(column.is_(None), column < bindparam("at")))
        .values({column.name: bindparam("at", type_=column.type)})
    )
    for is_refused, column in (
        (True, sends.c.token_refused_time),
        (False, sends.c.token_unclear_time),
    )
}
_REFRAME = precompiled(
    update(sends)
    .where(sends.c.id == bindparam("send"))
    .values(frame=bindparam("written", type_=sends.c.frame.type))
)
_BY_COMMAND = precompiled(select(*_SEND).where(*_OF_COMMAND).order_by(sends.c.attempt))
_BY_MESSAGE = precompiled(
    select(*_SEND)
    .where(sends.c.station == bindparam("station"), sends.c.message_id == bindparam("message_id"))
    .order_by(sends.c.id.desc())
    .limit(1)
)
_ANSWERED_OF_ID = precompiled(
    select(*_SEND)
    .where(
        sends.c.station == bindparam("station"),
        sends.c.named_id == bindparam("named_id"),
        sends.c.state == "ANSWERED",
    )
    .order_by(sends.c.id.desc())
    .limit(OPEN_LIMIT)
)
_SENT_BETWEEN = precompiled(
    select(*_SEND)
    .where(
        sends.c.station == bindparam("station"),
        sends.c.kind == bindparam("kind"),
        sends.c.send_time > bindparam("sent_after"),
        sends.c.send_time < bindparam("sent_before"),
        sends.c.state != "VOID",
        text("NOT sends.claimed"),  # as in the partial index
    )
    .order_by(sends.c.send_time.desc())
    .limit(OPEN_LIMIT)
)
_OPEN = precompiled(
    select(*_SEND)
    .where(sends.c.station == bindparam("station"), _IS_OPEN)
    .order_by(sends.c.id.desc())
    .limit(OPEN_LIMIT)
)
_BUSY = precompiled(
    select(
        or_(
            exists().where(
                sends.c.station == bindparam("of_station"),
                _IS_OPEN,
                sends.c.id > literal_column("0"),  # so that SQLite chooses the partial index
            ),
            exists().where(
                commands.c.station == bindparam("of_station"),
                commands.c.state != literal_column("'DONE'"),
            ),
            exists().where(
                reservations.c.station == bindparam("of_station"),
                reservations.c.end_time.is_(None),
            ),
        ),
        exists().where(
            reservations.c.station == bindparam("of_station"),
            reservations.c.end_time >= bindparam("since", type_=reservations.c.end_time.type),
        ),
    )
)
_NOT_CLOSED = (
    sends.c.tenant == bindparam("of_tenant"),
    sends.c.command == bindparam("of_command"),
    ~sends.c.closed,
)
_WATCH = precompiled(
    update(sends)
    .where(*_NOT_CLOSED)
    .values(watched_until=bindparam("until", type_=sends.c.watched_until.type))
)
_CLOSE = precompiled(update(sends).where(*_NOT_CLOSED).values(closed=True))


async def intend(
    tx: Tx,
    *,
    command: str,
    tenant: str,
    workflow_id: str,
    station: str,
    kind: str,
    attempt: int,
    message_id: str,
    epoch: int,
    undo: bool,
    evse_id: int | None,
    connector_id: int | None,
    token_digest: str | None,
    group_digest: str | None,
    named_id: str | None,
    now: datetime,
    action: str = "",
    frame: dict[str, Any] | None = None,
    token_masked: str = "",
    line: str = "",
) -> Send:
    """Store the intent to write this frame. Write the frame only after the commit.

    Raises: StaleEpoch when the station has another connection by now, or none. AlreadySettled when
        a row of this attempt stands: the frame must not be written then. InvalidValue.
    """
    await _fence(tx, station, epoch)
    values = _row(
        state="INTENT",
        command=identifier(command),
        tenant=identifier(tenant),
        workflow_id=workflow_id,
        station=identifier(station),
        kind=kind,
        attempt=int32(attempt),
        message_id=identifier(message_id),
        epoch=epoch,
        undo=undo,
        evse_id=optional_int32(evse_id),
        connector_id=optional_int32(connector_id),
        **_tokens(token_digest, token_masked, group_digest),
        named_id=optional_identifier(named_id or None),
        send_time=now,
        **_shown(action, frame, line),
    )
    if (row := (await tx.execute(_INSERT(tx), values)).first()) is not None:
        return Send(*row)
    raise AlreadySettled(await _standing(tx, tenant, command, attempt))


async def _fence(tx: Tx, station: str, epoch: int) -> None:
    """Hold the epoch's row until the commit: no newer socket can take the station before that.

    Raises: StaleEpoch.
    """
    if await current_epoch(tx, station) != epoch:
        raise StaleEpoch(f"epoch {epoch} of station {station} is over")


async def void(tx: Tx, *, tenant: str, command: str, attempt: int, now: datetime) -> Send:
    """Decide that this attempt is never sent. Returns the row that stands: VOID or an older one."""
    values = _row(
        state="VOID",
        command=identifier(command),
        tenant=identifier(tenant),
        attempt=int32(attempt),
        send_time=now,
    )
    row = (await tx.execute(_INSERT(tx), values)).first()
    return await _standing(tx, tenant, command, attempt) if row is None else Send(*row)


async def answered(tx: Tx, id: int, *, answer: dict[str, Any], now: datetime) -> None:
    """Store the station's answer, late or not. The first answer stands; a VOID stays VOID."""
    await tx.execute(_ANSWERED, {"send": id, "said": answer, "at": now})


async def lost(tx: Tx, id: int, *, cause: str, now: datetime) -> None:
    """Store that the CALL ended without an answer. A late answer is still stored (`answered`)."""
    await tx.execute(_LOST, {"send": id, "why": cut(cause), "at": now})


async def token_asked(tx: Tx, id: int, *, refused: bool, asked: datetime) -> None:
    """Store that the station asked about the token of this frame, and what it was told.

    refused: it was told no. False: something else, or nobody knows what, or why it asked.
    """
    await tx.execute(_TOKEN_ASKED[refused], {"send": id, "at": asked})


async def reframe(tx: Tx, id: int, frame: dict[str, Any]) -> None:
    """Replace the stored frame: an OCPP 2.x start carries the number that its intent got."""
    await tx.execute(_REFRAME, {"send": id, "written": frame})


async def by_command(tx: Tx, tenant: str, command: str) -> list[Send]:
    """Every attempt of the command, in order."""
    rows = await tx.execute(_BY_COMMAND, {"tenant": tenant, "command": command})
    return [Send(*row) for row in rows]


async def by_message(tx: Tx, station: str, message_id: str) -> Send | None:
    """The newest send of this station with this message id; None when there is none."""
    row = (await tx.execute(_BY_MESSAGE, {"station": station, "message_id": message_id})).first()
    return None if row is None else Send(*row)


async def answered_of_id(tx: Tx, station: str, named_id: str) -> list[Send]:
    """The station's answered sends that name this id of OCPP, the newest first."""
    key = {"station": station, "named_id": named_id}
    return [Send(*row) for row in await tx.execute(_ANSWERED_OF_ID, key)]


async def sent_between(
    tx: Tx, station: str, kind: str, after: datetime, before: datetime
) -> list[Send]:
    """The station's sends that perhaps left then and claimed no session, the newest first."""
    key = {"station": station, "kind": kind, "sent_after": after, "sent_before": before}
    return [Send(*row) for row in await tx.execute(_SENT_BETWEEN, key)]


async def open_for_station(tx: Tx, station: str) -> list[Send]:
    """The station's sends that were perhaps sent and are not closed, the newest first."""
    return [Send(*row) for row in await tx.execute(_OPEN, {"station": station})]


async def busy(tx: Tx, station: str, *, since: datetime) -> tuple[bool, bool]:
    """Whether it has an open send, a command that is not DONE, or an open reservation; and whether
    a reservation of it has ended since then."""
    busy, has_ended = (await tx.execute(_BUSY, {"of_station": station, "since": since})).one()
    return bool(busy), bool(has_ended)


async def close(
    tx: Tx, tenant: str, command: str, *, watched_until: datetime | None = None
) -> None:
    """Close every send of the command: no workflow waits for its evidence any longer.

    watched_until: the sends stay open until then, and late evidence begins the workflow anew.
    """
    key = {"of_tenant": tenant, "of_command": command}
    if watched_until is None:
        await tx.execute(_CLOSE, key)
    else:
        await tx.execute(_WATCH, {**key, "until": watched_until})


def _tokens(digest: str | None, masked: str, group_digest: str | None) -> dict[str, Any]:
    return {"token_digest": digest, "token_masked": cut(masked), "group_digest": group_digest}


def _shown(action: str, frame: dict[str, Any] | None, line: str) -> dict[str, Any]:
    return {"action": cut(action, 64), "frame": frame, "line": cut(line, 64)}


def _row(**known: Any) -> dict[str, Any]:
    """A row to insert; what is not known is empty."""
    return _BLANK | known


async def _standing(tx: Tx, tenant: str, command: str, attempt: int) -> Send:
    key = {"tenant": tenant, "command": command, "attempt": attempt}
    return Send(*(await tx.execute(_ATTEMPT, key)).one())
