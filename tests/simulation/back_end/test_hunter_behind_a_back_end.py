"""Planted lies behind another back end (CSMS), and whether the rules find them.

Each of them is a careless relay: it mixes up who said what, whose a session is, or who may speak.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from domain.model.specs import Kind
from fleet.transactions import judged
from station_gateway.commands import questions
from station_gateway.relay.recorder import Recorder
from station_gateway.relay.relayed_station import RelayedStation
from station_gateway.relay.their_calls import TheirCalls
from station_gateway.relay.their_commands import TheirCommands
from station_gateway.session.exchanges import Exchanges, OpenCall
from station_gateway.session.pairing import Paired, Pairing, Side
from tests.simulation.back_end.back_end import Pair
from tests.simulation.hunting import found_behind
from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import VirtualLoop
from tests.simulation.rules.back_end import no_wait
from tests.simulation.servers.processes import Process
from tests.simulation.servers.wire import Carried, Wire
from tests.simulation.world.stage import Stage

START = Kind.START_SESSION


def test_a_start_of_the_back_end_that_is_overlooked_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def overlooked(*_: Any) -> bool:
        return True

    monkeypatch.setattr(TheirCommands, "keep", overlooked)
    assert found_behind(stage, "it claims session", START, worlds=400, seen_in=674)


def test_an_answer_to_us_that_goes_to_the_back_end_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pairing, "answer", lambda _, frame: Paired(Side.BACK_END, frame))
    assert found_behind(stage, "which answers a CALL of ours")


def test_an_answer_to_the_back_end_that_is_kept_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pairing, "answer", lambda _, frame: Paired(Side.OURS, frame))
    assert found_behind(stage, "the back end was never told")


def test_an_answer_of_ours_to_a_station_that_another_serves_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = vars(RelayedStation)["_taken"]

    def eager(self: RelayedStation, data: str | bytes) -> Any:
        if '"StatusNotification"' in str(data):
            self.socket.write(f"[3,{str(data).split(',')[1]},{{}}]")
        return real(self, data)

    monkeypatch.setattr(RelayedStation, "_taken", eager)
    assert found_behind(stage, "which its back end did not say")


def test_a_call_of_the_back_end_that_does_not_wait_for_ours_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(self: Any, frame: str) -> None:
        self._write(frame)

    monkeypatch.setattr(TheirCalls, "add", at_once)
    assert found_behind(stage, "was out until")


@pytest.mark.parametrize(("held_s", "is_found"), [(24.0, False), (26.0, True)])
def test_a_call_of_the_back_end_that_waits_long_for_ours_is_found(
    held_s: float, is_found: bool
) -> None:
    station, back_end = _wire(), _wire()
    asked = '[2,"theirs-1","Reset",{"type":"Soft"}]'
    ours = '[2,"ours","Reset",{"type":"Soft"}]'
    back_end.carried.append(Carried(asked, True, 1.0, 1.0))
    station.carried.append(Carried(ours, False, 0.5, 0.5))
    station.carried.append(Carried(asked, False, 1.0 + held_s, 1.0 + held_s))
    found = list(no_wait(Pair(station, back_end)))
    assert found == ([f"theirs-1 of 1.0 s waited {held_s:.1f} s for ours"] if is_found else [])


def _wire() -> Wire:
    loop = VirtualLoop()
    loop.close()
    process = Process("gateway", loop)
    nobody: Any = None
    return Wire(loop, Chance("0"), nobody, process, latency_s=0.0)


def test_a_question_that_is_given_up_as_soon_as_it_is_written_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "SHORTEST_S", 0.1)
    assert found_behind(stage, "was out until", seen_in=38)


def test_a_repeated_report_that_is_taken_for_an_accepted_one_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = vars(Exchanges)["begin"]

    def hasty(self: Exchanges, opened: OpenCall) -> Any:
        call = msgspec.structs.replace(opened.call)
        call.payload["of"] = id(call)
        return real(self, msgspec.structs.replace(opened, call=call))

    monkeypatch.setattr(Exchanges, "begin", hasty)
    assert found_behind(stage, "because its token was refused", START, seen_in=5)


def test_a_group_that_nobody_told_and_is_taken_for_none_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judged, "JUDGED", judged.LISTED)
    assert found_behind(stage, "LOST (USED_BY_ANOTHER)", Kind.RESERVE_NOW, seen_in=318)


def test_a_report_whose_copy_is_left_out_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = vars(Recorder)["copy"]

    def careless(self: Recorder, said_by: Any, data: str | bytes) -> None:
        if '"StartTransaction"' not in str(data) and '"Started"' not in str(data):
            real(self, said_by, data)

    monkeypatch.setattr(Recorder, "copy", careless)
    assert found_behind(stage, "and the station had reported session", START, seen_in=17)
