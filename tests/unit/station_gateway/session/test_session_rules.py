"""The rules of one session, one test for each."""

import pytest

from domain.model.answers import CallError
from station_gateway.dialects.messages import Unreadable
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import (
    AnswerMissing,
    AnswerReceived,
    CallInFlight,
    CallReceived,
    Closing,
    FrameRefused,
    Missing,
    SessionOver,
)
from tests.unit.station_gateway.conversation import (
    BOOT,
    HEARTBEAT,
    METER,
    STARTED,
    Conversation,
    in_hand,
)

ACTION = "RemoteStartTransaction"
ACCEPTED = {"status": "Accepted"}


def reasons(events: object) -> list[str]:
    assert isinstance(events, list)
    return [event.reason for event in events if isinstance(event, FrameRefused)]


def status(word: str) -> dict[str, object]:
    return {"connectorId": 1, "errorCode": "NoError", "status": word}


def closings(events: object) -> list[int]:
    assert isinstance(events, list)
    return [event.code for event in events if isinstance(event, Closing)]


def test_a_call_of_the_station_is_handed_over_and_answered() -> None:
    talk = Conversation()
    assert in_hand(talk.station_calls("1", "BootNotification", BOOT)) == ["1"]
    assert talk.session.reply("1", {"status": "Accepted"}) == []
    assert talk.written() == [[3, "1", {"status": "Accepted"}]]
    assert talk.written() == []


def test_a_session_is_idle_when_no_call_waits_in_either_direction() -> None:
    talk = Conversation()
    assert talk.session.idle
    talk.station_calls("1", "Heartbeat", HEARTBEAT)
    assert not talk.session.idle
    talk.session.reply("1", {})
    assert talk.session.idle
    talk.session.call("2", ACTION, {}, now=0.0, timeout_s=5.0)
    assert not talk.session.idle


def test_our_call_is_written_and_its_answer_handed_over() -> None:
    talk = Conversation()
    talk.we_ask("ours")
    assert talk.session.busy
    assert talk.written() == [[2, "ours", ACTION, {"idTag": "TAG"}]]
    assert talk.station_answers("ours", ACCEPTED) == [AnswerReceived("ours", ACTION, ACCEPTED)]
    assert not talk.session.busy


def test_only_one_call_of_ours_is_out_at_a_time() -> None:
    talk = Conversation()
    talk.we_ask("first")
    with pytest.raises(CallInFlight):
        talk.we_ask("second")
    talk.station_answers("first", ACCEPTED)
    talk.we_ask("second")
    assert len(talk.written()) == 2


def test_slow_meter_values_handler_does_not_delay_the_answer() -> None:
    talk = Conversation()
    assert in_hand(talk.station_calls("m", "MeterValues", METER)) == ["m"]
    talk.we_ask("ours")
    assert talk.station_answers("ours", ACCEPTED) == [AnswerReceived("ours", ACTION, ACCEPTED)]


def test_start_transaction_before_the_answer_is_handed_over_first() -> None:
    talk = Conversation()
    talk.we_ask("ours")
    assert in_hand(talk.station_calls("s", "StartTransaction", STARTED)) == ["s"]
    assert talk.station_answers("ours", ACCEPTED) == [AnswerReceived("ours", ACTION, ACCEPTED)]
    talk.session.reply("s", {})


def test_answer_after_timeout_is_matched_and_marked_late() -> None:
    talk = Conversation()
    talk.we_ask("ours", timeout_s=30)
    assert talk.session.next_deadline() == 30
    assert talk.time_passes(29.9) == []
    assert talk.time_passes(0.1) == [AnswerMissing("ours", ACTION, Missing.TIMEOUT)]
    assert talk.session.next_deadline() is None
    late = AnswerReceived("ours", ACTION, ACCEPTED, late=True)
    assert talk.station_answers("ours", ACCEPTED) == [late]


def test_late_answer_does_not_answer_the_call_that_followed() -> None:
    talk = Conversation()
    talk.we_ask("first", timeout_s=1)
    talk.time_passes(1)
    talk.we_ask("second")
    (late,) = talk.station_answers("first", ACCEPTED)
    assert isinstance(late, AnswerReceived) and late.late
    assert talk.session.busy


def test_answer_twice_and_unknown_answer_are_ignored_and_counted() -> None:
    talk = Conversation()
    talk.we_ask("ours")
    talk.station_answers("ours", ACCEPTED)
    assert reasons(talk.station_answers("ours", ACCEPTED)) == ["unexpected_answer"]
    assert reasons(talk.station_answers("never", ACCEPTED)) == ["unexpected_answer"]
    assert talk.session.data_to_send() != []  # only our CALL


def test_memory_of_calls_given_up_is_bounded() -> None:
    talk = Conversation(limits=SessionLimits(overdue_calls=2))
    for message_id in ("a", "b", "c"):
        talk.we_ask(message_id, timeout_s=1)
        talk.time_passes(1)
    assert reasons(talk.station_answers("a", ACCEPTED)) == ["unexpected_answer"]
    assert [type(event) for event in talk.station_answers("b", ACCEPTED)] == [AnswerReceived]


def test_lost_connection_fails_our_call_at_once() -> None:
    talk = Conversation()
    talk.we_ask("ours")
    lost = [AnswerMissing("ours", ACTION, Missing.CONNECTION_LOST)]
    assert talk.session.connection_lost() == lost
    assert talk.session.connection_lost() == []


def test_frames_from_the_old_session_are_ignored_after_the_connection_was_lost() -> None:
    talk = Conversation()
    talk.we_ask("ours")
    talk.station_calls("slow", "MeterValues", METER)
    talk.session.connection_lost()
    assert talk.session.over
    assert talk.station_answers("ours", ACCEPTED) == []
    assert talk.station_calls("1", "Heartbeat", HEARTBEAT) == []
    assert talk.session.reply("slow", {}) == []
    assert talk.session.abandon("slow") == []
    assert talk.written() == []
    with pytest.raises(SessionOver):
        talk.we_ask("next")


def test_error_answer_keeps_the_stations_words_bounded() -> None:
    talk = Conversation()
    talk.we_ask("ours")
    (event,) = talk.station_says(4, "ours", "InternalError", "x" * 999 + "\n", {"any": 1})
    assert isinstance(event, AnswerReceived)
    assert event.answer == CallError("InternalError", "x" * 255)


@pytest.mark.parametrize("rest", [(), (None,), ("GenericError",), ("GenericError", 7)])
def test_error_answer_with_parts_missing_is_still_an_answer(rest: tuple[object, ...]) -> None:
    talk = Conversation()
    talk.we_ask("ours")
    (event,) = talk.station_says(4, "ours", *rest)
    assert isinstance(event, AnswerReceived)
    assert isinstance(event.answer, CallError)


@pytest.mark.parametrize("frame", ['[3,"ours",{"status":', '[3,"ours","x"]', '[3,"ours"]'])
def test_broken_answer_is_told_as_unreadable_at_once(frame: str) -> None:
    talk = Conversation()
    talk.we_ask("ours")
    (event,) = talk.session.receive(frame, 0.0)
    assert isinstance(event, AnswerReceived)
    assert isinstance(event.answer, Unreadable)


def test_answer_that_breaks_its_schema_is_unreadable() -> None:
    talk = Conversation()
    talk.we_ask("ours")
    (event,) = talk.station_answers("ours", {"state": "Accepted"})
    assert isinstance(event, AnswerReceived)
    assert event.answer == Unreadable("status: required")


def test_answer_with_a_number_for_an_id_is_matched() -> None:
    talk = Conversation()
    talk.we_ask("17")
    assert talk.station_answers(17, ACCEPTED) == [AnswerReceived("17", ACTION, ACCEPTED)]


def test_number_as_message_id_is_echoed_as_it_came() -> None:
    talk = Conversation()
    talk.station_calls(17, "Heartbeat", HEARTBEAT)
    talk.session.reply(17, {})
    assert talk.written() == [[3, 17, {}]]


def test_second_call_before_our_answer_waits_its_turn() -> None:
    talk = Conversation()
    talk.station_calls("1", "Heartbeat", HEARTBEAT)
    assert talk.station_calls("2", "Heartbeat", HEARTBEAT) == []
    assert in_hand(talk.session.reply("1", {})) == ["2"]
    assert talk.session.reply("2", {}) == []
    assert [frame[1] for frame in talk.written()] == ["1", "2"]


def test_station_that_overruns_the_line_is_disconnected() -> None:
    talk = Conversation(limits=SessionLimits(queued_calls=16))
    for number in range(17):
        assert closings(talk.station_calls(str(number), "Heartbeat", HEARTBEAT)) == []
    talk.we_ask("ours")
    events = talk.station_calls("17", "Heartbeat", HEARTBEAT)
    assert closings(events) == [1008]
    assert events[0] == AnswerMissing("ours", ACTION, Missing.CONNECTION_LOST)
    assert talk.session.over


def test_repeats_of_one_call_fill_the_line_too() -> None:
    talk = Conversation(limits=SessionLimits(queued_calls=2))
    for _ in range(3):
        talk.station_calls("1", "StartTransaction", STARTED)
    assert closings(talk.station_calls("1", "StartTransaction", STARTED)) == [1008]


def test_duplicate_call_gets_the_same_answer_and_has_one_effect() -> None:
    talk = Conversation()
    assert in_hand(talk.station_calls("s", "StartTransaction", STARTED)) == ["s"]
    talk.session.reply("s", {"transactionId": 7})
    assert in_hand(talk.station_calls("s", "StartTransaction", STARTED)) == []
    assert talk.written() == [[3, "s", {"transactionId": 7}]] * 2


def test_duplicate_call_while_the_first_is_in_hand_gets_the_same_answer() -> None:
    talk = Conversation()
    talk.station_calls("s", "StartTransaction", STARTED)
    assert in_hand(talk.station_calls("s", "StartTransaction", STARTED)) == []
    talk.session.reply("s", {"transactionId": 7})
    assert talk.written() == [[3, "s", {"transactionId": 7}]] * 2


def test_duplicate_of_a_call_that_waits_in_line_is_answered_with_it() -> None:
    talk = Conversation()
    talk.station_calls("1", "Heartbeat", HEARTBEAT)
    talk.station_calls("2", "Heartbeat", HEARTBEAT)
    talk.station_calls("3", "StartTransaction", STARTED)
    assert reasons(talk.station_calls("3", "StartTransaction", STARTED)) == ["duplicate_call"]
    for message_id in ("1", "2", "3"):
        talk.session.reply(message_id, {})
    assert [frame[1] for frame in talk.written()] == ["1", "2", "3", "3"]


def test_same_id_with_another_text_is_another_call() -> None:
    talk = Conversation()
    talk.station_calls("1", "BootNotification", BOOT)
    talk.session.reply("1", {})
    assert in_hand(talk.station_calls("1", "Heartbeat", HEARTBEAT)) == ["1"]


def test_remembered_answers_are_bounded() -> None:
    talk = Conversation(limits=SessionLimits(remembered_answers=2))
    for message_id in ("1", "2", "3"):
        talk.station_calls(message_id, "StartTransaction", STARTED)
        talk.session.reply(message_id, {})
    assert in_hand(talk.station_calls("3", "StartTransaction", STARTED)) == []
    assert in_hand(talk.station_calls("1", "StartTransaction", STARTED)) == ["1"]


def test_report_that_comes_again_long_afterwards_is_handled_anew() -> None:
    talk = Conversation(limits=SessionLimits(remembered_s=300.0))
    talk.station_calls("1", "StartTransaction", STARTED)
    talk.session.reply("1", {})
    talk.time_passes(299.0)
    assert in_hand(talk.station_calls("1", "StartTransaction", STARTED)) == []
    talk.time_passes(1.0)
    assert in_hand(talk.station_calls("1", "StartTransaction", STARTED)) == ["1"]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Heartbeat", HEARTBEAT),
        ("BootNotification", BOOT),
        ("StatusNotification", status("Available")),
        ("Authorize", {"idTag": "TAG"}),
    ],
)
def test_message_whose_repeat_is_news_is_handled_each_time(action: str, payload: object) -> None:
    talk = Conversation()
    for time in ("10:00", "10:05"):
        assert in_hand(talk.station_calls("7", action, payload)) == ["7"]
        talk.session.reply("7", {"currentTime": time})
    assert [frame[2]["currentTime"] for frame in talk.written()] == ["10:00", "10:05"]


def test_status_under_an_old_id_is_handled_although_its_text_came_before() -> None:
    talk = Conversation()
    seen = []
    for message_id, word in (("7", "Available"), ("8", "Preparing"), ("7", "Available")):
        seen += talk.station_calls(message_id, "StatusNotification", status(word))
        talk.session.reply(message_id, {})
    assert [event.payload["status"] for event in seen if isinstance(event, CallReceived)] == [
        "Available",
        "Preparing",
        "Available",
    ]


def test_two_messages_with_one_id_in_one_breath_are_both_handled_in_order() -> None:
    talk = Conversation()
    assert in_hand(talk.station_calls("7", "StatusNotification", status("Preparing"))) == ["7"]
    assert talk.station_calls("7", "StartTransaction", STARTED) == []
    assert talk.station_calls("7", "StartTransaction", {**STARTED, "connectorId": 2}) == []
    handled = []
    for answer in ({}, {"transactionId": 1}, {"transactionId": 2}):
        handled += talk.session.reply("7", answer)
    assert [
        (e.action, e.payload["connectorId"]) for e in handled if isinstance(e, CallReceived)
    ] == [
        ("StartTransaction", 1),
        ("StartTransaction", 2),
    ]
    assert [frame[2] for frame in talk.written()] == [
        {},
        {"transactionId": 1},
        {"transactionId": 2},
    ]


def test_repeat_of_a_report_is_known_although_its_id_was_used_for_another_meanwhile() -> None:
    talk = Conversation()
    talk.station_calls("7", "StartTransaction", STARTED)
    talk.session.reply("7", {"transactionId": 1})
    talk.station_calls("7", "StartTransaction", {**STARTED, "connectorId": 2})
    talk.session.reply("7", {"transactionId": 2})
    talk.written()
    assert in_hand(talk.station_calls("7", "StartTransaction", STARTED)) == []
    assert talk.written() == [[3, "7", {"transactionId": 1}]]


def test_abandoned_call_is_not_answered_and_is_new_when_it_comes_again() -> None:
    talk = Conversation()
    talk.station_calls("s", "StartTransaction", STARTED)
    talk.station_calls("h", "Heartbeat", HEARTBEAT)
    assert in_hand(talk.session.abandon("s")) == ["h"]
    talk.session.reply("h", {})
    assert in_hand(talk.station_calls("s", "StartTransaction", STARTED)) == ["s"]
    assert [frame[1] for frame in talk.written()] == ["h"]


def test_call_that_failed_is_tried_anew_when_it_comes_again() -> None:
    talk = Conversation()
    for _ in range(2):
        assert in_hand(talk.station_calls("s", "StartTransaction", STARTED)) == ["s"]
        talk.session.reply_error("s", "InternalError")
    assert [frame[0] for frame in talk.written()] == [4, 4]


def test_replying_twice_is_a_bug_that_is_told() -> None:
    talk = Conversation()
    talk.station_calls("1", "Heartbeat", HEARTBEAT)
    talk.session.reply("1", {})
    with pytest.raises(LookupError):
        talk.session.reply("1", {})
    with pytest.raises(LookupError):
        talk.session.abandon("1")


def test_reply_that_is_no_json_becomes_an_internal_error() -> None:
    talk = Conversation()
    talk.station_calls("1", "Heartbeat", HEARTBEAT)
    assert reasons(talk.session.reply("1", {"currentTime": object()})) == ["unencodable_reply"]
    assert talk.written() == [[4, "1", "InternalError", "", {}]]


def test_building_an_error_cannot_raise() -> None:
    talk = Conversation()
    talk.station_calls("1", "Heartbeat", HEARTBEAT)
    talk.session.reply_error("1", "InternalError", "\ud800\x00" * 999, {"bad": object()})
    ((kind, message_id, code, text, details),) = talk.written()
    assert (kind, message_id, code, details) == (4, "1", "InternalError", {})
    assert len(text) == 255


def test_idle_session_makes_no_containers() -> None:
    session = OcppSession(Conversation().session._dialect, SessionLimits())
    held = [getattr(session, name) for name in ("_overdue", "_waiting", "_answers", "_pending")]
    assert held == [None] * 4
    assert session.data_to_send() == []
    assert not hasattr(session, "__dict__")
