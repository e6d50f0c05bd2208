"""What is known of sessions, and of what may have caused them: the words of `matching.py`.

A session is a transaction as a station reported it. Facts have three values here: known to be so,
known not to be so, and not known.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.limits import PLUG_SETTLING, REFUSAL_SLIP, REFUSED_STOP_SLIP
from domain.model.numbers import number_of
from domain.ocpp_words import ChargingState, ConnectorStatus, StopReason, told_id

WHOLE_STATION = 0
"""The number of an EVSE that is none: OCPP 1.6 has connector 0 for the station itself."""


class Match(StrEnum):
    """Whether a session is the one that a frame asked for."""

    MATCH = "MATCH"
    DOUBTFUL = "DOUBTFUL"
    NO_MATCH = "NO_MATCH"


class TokenState(StrEnum):
    """What is known about a session's token. NOT_TOLD: the station has not told it yet.

    OCPP 2.x may report a session before its token: when the cable is in first, the token comes with
    a later event. "Not judged yet" is no refusal. NOT_JUDGED: it was told, and the back end (CSMS)
    that judges it has not answered, or nobody can read what: it is no acceptance either.
    """

    NOT_TOLD = "NOT_TOLD"
    NOT_JUDGED = "NOT_JUDGED"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"


@dataclass(frozen=True)
class SentFrame:
    """A frame of ours that may have been on the wire.

    id: of the send.
    answer_time: None while the station did not answer this frame.
    epoch: of the socket that it was written to; None when that is not known.
    refused: the station answered it with a no that it would say again.
    token_refused_time: when the station last asked about its token and was told no in time; None:
        never. token_unclear_time: when it last asked and was told something else, or nobody knows
        what, or why it asked.
    unwanted: its command was taken back, or ended: nobody waits for its session any longer.
    """

    id: int
    attempt: int
    send_time: datetime
    answer_time: datetime | None = None
    evse_id: int | None = None
    token_digest: str | None = None
    group_digest: str | None = None
    ocpp_transaction_id: str = ""
    epoch: int | None = None
    refused: bool = False
    token_refused_time: datetime | None = None
    token_unclear_time: datetime | None = None
    unwanted: bool = False

    @property
    def number(self) -> int:
        """What OCPP 2.x carries as remoteStartId."""
        return number_of(self.id)

    @property
    def token_was_refused(self) -> bool:
        """Whether the station asked about the token after its answer, and was told no each time."""
        left, asked, unclear = self.answer_time, self.token_refused_time, self.token_unclear_time
        if left is None or asked is None or asked <= left:
            return False
        return unclear is None or unclear <= left


@dataclass(frozen=True)
class Session:
    """A transaction as a station reported it.

    name: our id. start_time: by the station's clock; received_time: by ours.
    clock_suspect: the station's clock was out of any bounds, so start_time is not its word.
    token_state: what is known about its token, which may be told later than its start.
    observed_only: metered or ended under this id, its start was never reported.
    reservation_id: the number of the reservation that it uses, as the station told.
    token_known: its token is in the token table, or a command or a reservation brought it.
    group_known: its token's group, or that it has none, is known: not where a command or a
        reservation alone brought the token, for such a one need not name the group.
    judged_elsewhere: another back end (CSMS) judges its token: it may refuse also that of ours.
    token_time: when its token was first told, by our clock; None: with its start, or never.
    offline: the station says that it reports something old. epoch: of the socket on which it was
        first reported; None when that is not known.
    end_reported: False when its end was never reported, but is proven: a later session began on its
        plug, or the station booted and the plug is free. Then stop_time is None.
    start_slack_s: by how much later than start_time it began at most, by our clock, in seconds;
        None: the station's clock is not known.
    names_nothing: its remote_start_id is that of no start that was sent to the station.
    names_theirs: it is that of a start of another back end, and all else of it fits that one.
    alive_time: when it last showed that it runs, by our clock; None: never after its start.
    may_repeat: its start may be that of an ended session with the same id, told again with a new
        time.
    id_taken: another session of the station has its id now (`told_id`), and no frame can name it.
    passed_on: it names a start whose time was over, and a later start for its token and place may
        be its cause.
    has_charged: energy flowed in it at some time, as far as the station told.
    """

    name: str
    ocpp_transaction_id: str
    start_time: datetime
    received_time: datetime
    evse_id: int | None = None
    token_digest: str | None = None
    group_digest: str | None = None
    remote_start_id: int | None = None
    clock_suspect: bool = False
    token_state: TokenState = TokenState.ACCEPTED
    active: bool = True
    observed_only: bool = False
    charging_state: str = ""
    stop_time: datetime | None = None
    stop_received_time: datetime | None = None
    stop_reason: str = ""
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None
    reservation_id: int | None = None
    token_known: bool = True
    group_known: bool = True
    judged_elsewhere: bool = False
    token_time: datetime | None = None
    offline: bool = False
    epoch: int | None = None
    end_reported: bool = True
    start_slack_s: float | None = None
    names_nothing: bool = False
    names_theirs: bool = False
    alive_time: datetime | None = None
    may_repeat: bool = False
    has_charged: bool = False
    passed_on: bool = False
    id_taken: bool = False

    @property
    def lacks_id(self) -> bool:
        """Whether no frame can name it.

        Its start was told, and the back end behind us has given it no id yet (1.6); or its id is
        another session's.
        """
        unnamed = not self.observed_only and not told_id(self.ocpp_transaction_id)
        return unnamed or self.id_taken

    @property
    def is_refused(self) -> bool:
        """Whether its token was refused: by us when we judged it, or by the station at its end.

        One that has charged had begun: then the word for its end is no refusal.
        """
        return self.token_state is TokenState.REFUSED or self._came_to_nothing(
            StopReason.DE_AUTHORIZED
        )

    @property
    def ends_by(self) -> datetime:
        """How long its station may take to end it once its token was refused.

        One in which energy may flow has a contactor to open and a meter to read. OCPP 1.6 does not
        tell whether it does.
        """
        slip = REFUSED_STOP_SLIP if self._energy_may_flow else REFUSAL_SLIP
        return (self.token_time or self.received_time) + slip

    @property
    def has_defied(self) -> bool:
        """Whether energy may have flowed in it long after its token was refused.

        Stations may go on with such a session: OCPP lets them give some energy all the same. While
        it runs this counts from `ends_by` on.
        """
        if self.token_state is not TokenState.REFUSED:
            return False
        if self.active:
            return self._energy_may_flow
        judged, ended = self.token_time or self.received_time, self.stop_received_time
        if ended is not None and ended <= judged + REFUSED_STOP_SLIP:
            return False
        if self.meter_start_wh is not None and self.meter_stop_wh is not None:
            return self.meter_stop_wh > self.meter_start_wh
        return self.has_charged or self._energy_may_flow

    @property
    def _energy_may_flow(self) -> bool:
        """Whether nothing says that no energy flows in it now."""
        return self.charging_state in {"", ChargingState.CHARGING}

    @property
    def is_accepted(self) -> bool:
        """Whether it is known to be authorised.

        A session that names a request of ours carries the token of that request, and energy flows
        only in an authorised one; so the token itself need not be told.
        """
        if self.is_refused:
            return False
        names_ours = self.remote_start_id is not None and not self.names_nothing
        names_ours = names_ours and not self.judged_elsewhere
        charged = self.has_charged or self.charging_state == ChargingState.CHARGING
        proven = names_ours or charged
        return proven or self.token_state is TokenState.ACCEPTED

    @property
    def may_charge(self) -> bool:
        """Whether energy may flow in it, as far as anybody knows."""
        unanswered = self.token_state is TokenState.NOT_JUDGED and not self.is_refused
        return self.is_accepted or unanswered

    @property
    def timed_out(self) -> bool:
        """Whether it ended because no car came."""
        return self._came_to_nothing(StopReason.TIMEOUT)

    @property
    def is_nothing(self) -> bool:
        """Whether it came to nothing: nobody was allowed to charge, or nobody came."""
        return self.is_refused or self.timed_out

    @property
    def may_begin_again(self) -> bool:
        """Whether the station ended it because no car came, or because of its token."""
        return self._came_to_nothing(StopReason.TIMEOUT, StopReason.DE_AUTHORIZED)

    def _came_to_nothing(self, *reasons: StopReason) -> bool:
        """Whether it ended for one of these reasons, and nobody saw energy flow in it."""
        return not (self.active or self.has_charged) and self.stop_reason in reasons


def running_first(session: Session) -> tuple[bool, datetime]:
    """The order in which sessions are looked at: running ones, then the oldest."""
    return (not session.active, session.received_time)


@dataclass(frozen=True)
class Rival:
    """Another start at the same station that may be the cause of a session.

    claimed: name of the session that it has claimed as its effect, None while it has none.
    refused: the station answered it with a no that it would say again.
    foreign: another back end (CSMS) sent it, which claims nothing here.
    unwanted: its command was taken back, or ended: nobody waits for its session any longer.
    """

    send_time: datetime
    token_digest: str | None = None
    group_digest: str | None = None
    evse_id: int | None = None
    claimed: str | None = None
    refused: bool = False
    foreign: bool = False
    unwanted: bool = False


@dataclass(frozen=True)
class ConnectorState:
    """The state that a connector last reported. Times are ours.

    status_time: when it changed. reported_time: when it was last told, changed or not.
    connector_id: the connector of the EVSE; None: not known.
    charging_time: when it last began to be shown with a session that runs; None: never.
    """

    evse_id: int
    status: str
    previous_status: str
    status_time: datetime
    reported_time: datetime | None = None
    connector_id: int | None = None
    charging_time: datetime | None = None


def cable_wait_ended(
    connectors: tuple[ConnectorState, ...], frame: SentFrame, *, since: datetime | None = None
) -> bool:
    """Whether the EVSE that was asked for stopped waiting: Preparing, then Available.

    OCPP 1.6 (section 4.9): the intended usage is over, by time-out or because the plug was taken
    out. It counts only after the station's answer, so that an unplugging that crossed our frame on
    the wire is not taken for it.

    since: whether each such end came after that time, if there is one at all.
    """
    ends = _wait_ends(connectors, frame)
    return bool(ends) and (since is None or min(ends) >= since)


def plug_settles(
    connectors: tuple[ConnectorState, ...], frame: SentFrame, session: Session | None
) -> datetime | None:
    """Until when a plug may go in again whose wait has ended; None: none has ended.

    A plug bounces while it is put in. So does a session (2.x) that ended because no car came, or
    because of its token: some stations begin it anew.
    """
    ends = _wait_ends(connectors, frame)
    if session is not None and session.may_begin_again and session.stop_received_time is not None:
        ends = [*ends, session.stop_received_time]
    return max(ends) + PLUG_SETTLING if ends else None


def _wait_ends(connectors: tuple[ConnectorState, ...], frame: SentFrame) -> list[datetime]:
    answered = frame.answer_time
    return [
        connector.status_time
        for connector in connectors
        if answered is not None
        and connector.evse_id == frame.evse_id
        and connector.previous_status == ConnectorStatus.PREPARING
        and connector.status == ConnectorStatus.AVAILABLE
        and connector.status_time > answered
    ]
