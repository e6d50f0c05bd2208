"""Planted lies about stations of the field, and whether the hunter finds them.

Each of them is what a broker does that has only met stations as the standard describes them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from domain.commands import start_session
from domain.commands.table import COMMANDS
from domain.evidence import facts
from domain.evidence.sessions import Match, Session
from domain.limits import CLOCK_TOLERANCE
from domain.model.command import Outcome
from domain.model.outcomes import Cause, ending
from domain.model.specs import Kind
from domain.reservations import observing
from fleet.engine.statements import Tx
from fleet.transactions.rows import Transaction
from station_gateway.facts import lasting
from station_gateway.facts.authorizer import Judgement
from station_gateway.session.engine import OcppSession
from station_gateway.stations.station import ConnectedStation
from tests.simulation.hunters.test_hunter_of_service import plant_blindness
from tests.simulation.hunting import found_in_the_field
from tests.simulation.strict_reading import is_as_the_standard_says
from tests.simulation.world import plain_words
from tests.simulation.world.stage import Stage

START, STOP = Kind.START_SESSION, Kind.STOP_SESSION


def test_a_token_that_is_not_told_yet_and_is_called_refused_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = property(lambda session: session.token_state.name == "ACCEPTED")
    monkeypatch.setattr(Session, "is_accepted", accepted)
    monkeypatch.setattr(Session, "is_refused", property(lambda session: not session.is_accepted))
    assert found_in_the_field(stage, "(AUTHORIZATION_REFUSED)", "late-tokens", START)


def test_an_authorisation_that_ends_with_its_command_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgetful(_tx: Tx, _session: Any, token: Judgement, *_: Any) -> Judgement:
        return token

    monkeypatch.setattr(lasting, "judge_within", forgetful)
    assert found_in_the_field(stage, "because its token was refused", "lost-answers", START)


def test_an_authorisation_that_ends_where_a_session_begins_anew_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forgetful(_tx: Tx, _station: str, _evse_id: Any, token: Judgement, _: Any) -> Any:
        return token

    monkeypatch.setattr(lasting, "begun_anew", forgetful)
    odd = ("double-sessions", "lost-answers")
    assert found_in_the_field(stage, "because its token was refused", odd[0], START, also=odd[1])


def takes_odd_for_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not as the standard says has not been said."""
    real: Callable[..., Any] = OcppSession.receive

    def strict(self: OcppSession, data: str | bytes, now: float) -> Any:
        return real(self, data, now) if is_as_the_standard_says(data) else []

    monkeypatch.setattr(OcppSession, "receive", strict)


@pytest.mark.parametrize(("station", "seen_in"), [("odd-reports", 794), ("odd-texts", 772)])
def test_an_odd_report_of_a_start_that_is_taken_for_silence_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, station: str, seen_in: int
) -> None:
    takes_odd_for_silence(monkeypatch)
    unheard = "and the station had reported session"
    assert found_in_the_field(stage, unheard, station, START, seen_in=seen_in)


def test_an_odd_report_of_an_end_that_is_taken_for_silence_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes_odd_for_silence(monkeypatch)
    ends = ("stop-", "end-")
    assert found_in_the_field(
        stage, "its end was reported at", "odd-reports", odd=ends, seen_in=586
    )


def test_a_station_that_talks_and_is_never_taken_for_booted_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_self: ConnectedStation, deadline: float) -> None:
        await asyncio.sleep(max(0.0, deadline - asyncio.get_running_loop().time()))
        raise TimeoutError

    monkeypatch.setattr(ConnectedStation, "wait_booted", never)
    assert found_in_the_field(stage, "BOOT_NOT_ACCEPTED, and it is connected", "no-boot")


@pytest.mark.parametrize(
    ("station", "word"), [("power-cuts", "its plug is free"), ("double-sessions", "on its plug")]
)
def test_a_session_that_stands_as_running_for_ever_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, station: str, word: str
) -> None:
    real: Callable[..., Any] = vars(plain_words)["transaction_out"]

    def for_ever(row: Transaction) -> Any:
        return real(row if row.meter_stop_wh is not None else replace(row, state="ACTIVE"))

    monkeypatch.setattr(plain_words, "transaction_out", for_ever)
    assert found_in_the_field(stage, word, station)


def believes_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a station's clock shows as earlier than our frame was before it."""
    real: Callable[..., Match] = vars(facts)["classify"]

    def trusting(session: Session, frame: Any, **rest: Any) -> Match:
        earliest: datetime = frame.send_time - CLOCK_TOLERANCE
        times = (session.start_time, session.stop_time)
        if any(time is not None and time < earliest for time in times):
            return Match.NO_MATCH
        return real(session, frame, **rest)

    monkeypatch.setattr(facts, "classify", trusting)


def test_an_end_before_its_start_that_is_taken_for_another_session_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    believes_the_clock(monkeypatch)
    assert found_in_the_field(stage, "and the station had reported session", "early-ends", START)


def test_a_start_that_nobody_says_whose_it_is_and_is_overlooked_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any, **__: Any) -> Outcome:
        return ending(Cause.NO_CABLE_OR_NO_TRANSACTION)

    monkeypatch.setattr(start_session, "best_match", lambda *_: (None, Match.NO_MATCH))
    monkeypatch.setattr(start_session, "without_session", nothing)
    assert found_in_the_field(stage, "and the station had reported session", "wrong-names", START)


def test_an_answer_to_an_old_message_with_the_same_id_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = OcppSession.reply
    first: dict[tuple[int, Any], Any] = {}

    def again(self: OcppSession, message_id: Any, payload: Any) -> Any:
        return real(self, message_id, first.setdefault((id(self), message_id), payload))

    monkeypatch.setattr(OcppSession, "reply", again)
    assert found_in_the_field(stage, "a heartbeat was told", "old-ids")


def test_a_message_that_is_never_read_because_of_its_id_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = OcppSession.receive
    seen: set[tuple[int, str]] = set()

    def once(self: OcppSession, data: str | bytes, now: float) -> Any:
        head = str(data).replace(" ", "").split(",")
        key = (id(self), head[1])
        if head[0] == "[2" and head[2] == '"StatusNotification"' and key in seen:
            self.reply_at_once(head[1])  # type: ignore[attr-defined]
            return []
        seen.add(key)
        return real(self, data, now)

    def confirmed(self: OcppSession, message_id: str) -> None:
        self._out.append(f"[3,{message_id},{{}}]")

    monkeypatch.setattr(OcppSession, "reply_at_once", confirmed, raising=False)
    monkeypatch.setattr(OcppSession, "receive", once)
    assert found_in_the_field(stage, "is shown as", "old-ids")


def test_a_hold_that_somebody_else_uses_and_is_told_as_used_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "_is_holders", lambda *_: True)
    assert found_in_the_field(stage, "USED, and its driver never came", "lent-holds", seen_in=367)


@pytest.mark.parametrize(("also", "seen_in"), [("", 1201), ("lost-answers", 5644)])
def test_a_use_by_another_token_that_is_told_as_the_driver_s_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, also: str, seen_in: int
) -> None:
    monkeypatch.setattr(observing, "is_of_another", lambda *_, **__: False)
    unused = "USED, and no session has used it"
    assert found_in_the_field(stage, unused, "lent-holds", also=also, seen_in=seen_in)


def test_a_restart_on_the_same_socket_that_is_overlooked_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_blindness(monkeypatch)
    assert found_in_the_field(stage, "and the station restarted", "warm-restarts", Kind.RESET)


def test_a_refusal_that_nobody_watches_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = COMMANDS[START]
    monkeypatch.setitem(COMMANDS, START, replace(rules, watched_for=lambda _: None))
    assert found_in_the_field(stage, "REJECTED", "refused-starts", START, seen_in=456)
