"""The text of a frame is mended as far as what it says is certain; the rest is a fact."""

from typing import Any

import pytest

from station_gateway.dialects.mending.mends import MendKind
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import AnswerReceived, CallReceived, FrameRefused
from station_gateway.session.frames import FrameLimits
from tests.unit.station_gateway.conversation import Conversation
from tests.unit.station_gateway.versions import DIALECTS

LIMITS = SessionLimits(FrameLimits(mend=True))
TAG = '{"idTag":"T"}'
CLEAN = {"idTag": "T"}

CERTAIN: list[tuple[str, Any, MendKind]] = [
    (f'[2,"m","Authorize",{TAG}]\x00', CLEAN, MendKind.FRAME_TEXT),
    (f'\ufeff[2,"m","Authorize",{TAG}]', CLEAN, MendKind.FRAME_TEXT),
    (f'[2,"m","Authorize",{TAG},]', CLEAN, MendKind.FRAME_TEXT),
    ('[2,"m","Authorize",{"idTag":"T",}]', CLEAN, MendKind.FRAME_TEXT),
    ('[2,"m","Authorize",{"idTag":",}",}]', {"idTag": ",}"}, MendKind.FRAME_TEXT),
    ('[2,"m","Authorize",{"idTag":"a\tb"}]', {"idTag": "a\tb"}, MendKind.FRAME_TEXT),
    ('[2,"m","Authorize",{"idTag":"T","idTag":"T"}]', CLEAN, MendKind.KEY_TWICE),
    ('[2,"m","Authorize",{"idTag":"T","x":1,"x":2}]', CLEAN, MendKind.KEY_TWICE),
    (f'["2","m","Authorize",{TAG}]', CLEAN, MendKind.FRAME_TEXT),
    (f'[2.0,"m","Authorize",{TAG}]', CLEAN, MendKind.FRAME_TEXT),
    (f'[2,"m","Authorize",[{TAG}]]', CLEAN, MendKind.FRAME_TEXT),
    (f'[2,"m","Authorize",{TAG},null,{{}}]', CLEAN, MendKind.FRAME_TEXT),
]  # fmt: skip


@pytest.mark.parametrize(("data", "payload", "kind"), CERTAIN)
def test_a_certain_text_is_taken(data: str, payload: Any, kind: MendKind) -> None:
    (event,) = OcppSession(DIALECTS["1.6"], LIMITS).receive(data, 0.0)
    assert isinstance(event, CallReceived)
    assert (event.message_id, event.action) == ("m", "Authorize")
    assert {key: event.payload[key] for key in payload} == payload
    assert kind in event.mends


def test_a_call_without_a_payload_has_an_empty_one() -> None:
    for text in ('[2,"m","Heartbeat"]', '[2,"m","Heartbeat",null]'):
        (event,) = OcppSession(DIALECTS["1.6"], LIMITS).receive(text, 0.0)
        assert isinstance(event, CallReceived)
        assert event.payload == {}


UNCERTAIN: list[tuple[str | bytes, str]] = [
    ('[2,"m","StopTransaction",{"transactionId":1', "StopTransaction"),
    ('[2,"m","StopTransaction",{}] x', "StopTransaction"),
    ('[2,"m","StopTransaction",{"a":NaN}]', "StopTransaction"),
    ('[2,"m","StopTransaction",{"a":1e999}]', "StopTransaction"),
    ('[2,"m","StopTransaction",{"a":' + "9" * 500 + ",}]", "StopTransaction"),
    ('[2,"m","StopTransaction",{"a":"\\ud800"}]', "StopTransaction"),
    ('[2,"m","StopTransaction",' + "[" * 40 + "]" * 40 + "]", "StopTransaction"),
    ('[2,"m","StopTransaction",' + "[" * 100_000, "StopTransaction"),
    (b'[2,"m","StopTransaction",{"a":"\xff"}]', "StopTransaction"),
    (b'[2,"m","StopTransaction",{"transactionId":1}]', "StopTransaction"),
    ('[2,"m","StopTransaction",7]', "StopTransaction"),
    ('[2,"m","StopTransaction",{},1]', "StopTransaction"),
    ('[2,"m","stoptransaction",{}]', "stoptransaction"),
    ("hello", ""),
    ("[2]", ""),
    ('[2,"m",7,{}]', ""),
    ('[2,"m","StartTransaction",{}]', "StartTransaction"),
    ('[2,"m","StopTransaction",{"a":"' + "x" * 300_000 + '"}]', "StopTransaction"),
    (b'[2,"m","StopTransaction",{"a":"' + b"x" * 300_000 + b'"}]', "StopTransaction"),
]


@pytest.mark.parametrize(("data", "action"), UNCERTAIN)
def test_what_cannot_be_taken_is_a_fact(data: str | bytes, action: str) -> None:
    events = OcppSession(DIALECTS["1.6"], LIMITS).receive(data, 0.0)
    refused = next(event for event in events if isinstance(event, FrameRefused))
    assert refused.untaken is not None
    assert (refused.untaken.action, refused.untaken.reason) == (action, refused.reason)


@pytest.mark.parametrize(
    "data",
    [
        '[2,"m","Heartbeat",{"a":',
        '[2,"m","MakeCoffee",{}]',
        '[2,"m","FirmwareStatusNotification",{}]',
        '[3,"m",7]',
        '[3,"m",{"status":"Accepted"',
    ],
)
def test_what_tells_no_fact_is_none(data: str) -> None:
    (refused,) = OcppSession(DIALECTS["1.6"], LIMITS).receive(data, 0.0)
    assert isinstance(refused, FrameRefused)
    assert refused.untaken is None


def test_a_repeat_of_a_refused_message_is_the_same_fact_under_any_id() -> None:
    keys = set()
    for text in ('[2,"a","StartTransaction",{}]', '[2,"b","StartTransaction",{}]'):
        (refused,) = OcppSession(DIALECTS["1.6"], LIMITS).receive(text, 0.0)
        assert isinstance(refused, FrameRefused)
        assert refused.untaken is not None
        keys.add(refused.untaken.key)
    assert len(keys) == 1


def test_the_letter_is_kept_where_it_is_asked_for() -> None:
    session = OcppSession(DIALECTS["1.6"], SessionLimits())
    for text in (f'[2,"m","Authorize",{TAG}]\x00', '[2,"n","StopTransaction",{"meterStop":1}]'):
        (refused,) = session.receive(text, 0.0)
        assert isinstance(refused, FrameRefused)


@pytest.mark.parametrize(
    ("limits", "mended"), [(LIMITS, {MendKind.WORD}), (SessionLimits(), set())]
)
def test_the_word_of_an_answer_is_mended_unless_the_letter_is_asked_for(
    limits: SessionLimits, mended: set[MendKind]
) -> None:
    talk = Conversation(limits=limits)
    talk.we_ask()
    (answer,) = talk.station_answers("ours", {"status": "accepted"})
    assert isinstance(answer, AnswerReceived)
    assert set(answer.mends) == mended


def test_a_broken_text_that_is_too_long_to_mend_is_refused() -> None:
    def events_of(chars: int) -> list[Any]:
        text = f'[2,"m","Authorize",{{"idTag":"T","x":"{"y" * chars}",}}]'
        return OcppSession(DIALECTS["1.6"], LIMITS).receive(text, 0.0)

    (taken,) = events_of(1_000)
    assert isinstance(taken, CallReceived)
    assert MendKind.FRAME_TEXT in taken.mends
    (refused,) = events_of(LIMITS.frame.mend_bytes)
    assert isinstance(refused, FrameRefused)
    assert (refused.reason, refused.detail) == ("unreadable", "not JSON")
