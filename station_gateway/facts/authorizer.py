"""Who may charge: one port, and the implementation that asks the fleet.

A token that another back end (CSMS) has judged is what that one said. Else the order is:

1. A start in flight at this station names the token: accepted, the operator asked for that session.
2. The token table knows the token: what the table says.
3. A reservation of this station names the token, or the gateway is open to all: accepted.
4. Otherwise: invalid.

A token that is accepted may be refused at its place, by a booking: see `booked`.

Within a session, what was said before goes first: see `lasting`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.commands.table import COMMANDS
from domain.ocpp_words import GROUP_TYPE
from domain.reservations.reservation import ReservationState
from fleet import sends, tokens
from fleet.engine.statements import Tx
from fleet.keys import Sealer
from fleet.log import reservations
from fleet.tokens import Token
from journal.reservations.record import from_snapshot
from station_gateway.dialects.messages import Authorization, TokenSeen, TokenVerdict

V16_TYPE = "idTag"


_ADMITTING = {kind.value for kind, rules in COMMANDS.items() if rules.admits_token}
"""Kinds of frames that bring a token: it is good at the station while such a frame is open."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a token may do, and its digests, which are the only form in which it is stored.

    known: the token table, a command or a reservation names it.
    listed: the token table knows it, and its group if it has one.
    brought: digests of the token and the group that a command or a reservation brought, when the
        verdict is due to it: they are good for the session that begins with this token.
    by_command: that is a start in flight.
    booking_woken: a booking's driver has come, and its workflow is to be told.
    by_back_end: another back end (CSMS) judges it, whose word stands. It need not tell a group, and
        may not have answered.
    """

    authorization: Authorization
    digest: str
    masked: str
    group_digest: str | None = None
    known: bool = True
    listed: bool = False
    brought: tuple[str, ...] = ()
    by_back_end: bool = False
    by_command: bool = False
    booking_woken: bool = False

    @property
    def accepted(self) -> bool:
        """Whether energy may flow for this token."""
        return self.authorization.verdict is TokenVerdict.ACCEPTED

    @property
    def is_judged(self) -> bool:
        """Whether anybody has said what it may do. If not, it is neither accepted nor refused."""
        return self.authorization.verdict is not TokenVerdict.NOT_JUDGED

    @property
    def may_charge(self) -> bool | None:
        """Whether energy may flow for this token; None: nobody has said so."""
        return self.accepted if self.is_judged else None


class Authorizer(Protocol):
    """The port that every token goes through."""

    async def judge(
        self, tx: Tx, *, station: str, tenant: str, token: TokenSeen, now: datetime
    ) -> Judgement:
        """Judge a token that a station presented, within the database transaction of its fact."""


class FleetAuthorizer:
    """Judges by the commands in flight and the token table of the fleet."""

    def __init__(self, sealer: Sealer, *, open_to_all: bool) -> None:
        self._sealer = sealer
        self._open_to_all = open_to_all

    async def judge(
        self, tx: Tx, *, station: str, tenant: str, token: TokenSeen, now: datetime
    ) -> Judgement:
        """See `Authorizer.judge`."""
        if token.answered is not None:
            return self._as_answered(token, token.answered)
        digest = self._sealer.digest(token.type or V16_TYPE, token.value)
        known = await tokens.lookup(tx, tenant, token.value, token.type)
        group = known.group if known is not None else None
        group_digest = self._sealer.digest(GROUP_TYPE, group) if group else None
        brought = await self._brought_by_command(tx, station, digest, group_digest)
        by_command = bool(brought)
        named = by_command or known is not None
        if by_command:
            verdict = TokenVerdict.ACCEPTED
        elif known is not None:
            verdict = _by_table(known, now)
        else:
            brought = await _brought_by_reservation(tx, station, digest, now)
            named = bool(brought)
            good = named or self._open_to_all
            verdict = TokenVerdict.ACCEPTED if good else TokenVerdict.INVALID
        return Judgement(
            Authorization(verdict, group=group, expire_time=_expiry(known, verdict, now)),
            digest=digest,
            masked=self._sealer.mask(token.value),
            group_digest=group_digest,
            brought=brought,
            by_command=by_command,
            known=named,
            listed=known is not None,
        )

    def _as_answered(self, token: TokenSeen, answered: Authorization) -> Judgement:
        group = answered.group
        return Judgement(
            answered,
            digest=self._sealer.digest(token.type or V16_TYPE, token.value),
            masked=self._sealer.mask(token.value),
            group_digest=self._sealer.digest(GROUP_TYPE, group) if group else None,
            by_back_end=True,
        )

    async def _brought_by_command(
        self, tx: Tx, station: str, digest: str, group_digest: str | None
    ) -> tuple[str, ...]:
        """The token and the group of a start in flight that names this token or its group."""
        for send in await sends.open_for_station(tx, station):
            if send.kind not in _ADMITTING or send.undo or send.token_digest is None:
                continue
            named = tuple(each for each in (send.token_digest, send.group_digest) if each)
            if {digest, group_digest} & set(named):
                return named
        return ()


def _by_table(known: Token, now: datetime) -> TokenVerdict:
    if known.status == TokenVerdict.ACCEPTED and _expired(known, now):
        return TokenVerdict.EXPIRED
    return TokenVerdict(known.status)


async def _brought_by_reservation(
    tx: Tx, station: str, digest: str, now: datetime
) -> tuple[str, ...]:
    """The token and the group of a reservation of this station that is for this token."""
    for entry in await reservations.open_at(tx, station):
        reservation = from_snapshot(entry.snapshot)
        if digest not in reservation.digests:
            continue
        if reservation.state is ReservationState.HELD and now < reservation.expire_time:
            return reservation.digests
    return ()


def _expired(token: Token, now: datetime) -> bool:
    return token.expire_time is not None and token.expire_time <= now


def _expiry(token: Token | None, verdict: TokenVerdict, now: datetime) -> datetime | None:
    """How long the station may trust the judgement. An accepted token has no expiry in the past."""
    if token is None or (verdict is TokenVerdict.ACCEPTED and _expired(token, now)):
        return None
    return token.expire_time
