"""The words that an operator reads about a command."""

from dataclasses import replace

from domain.commands import transitions as changes
from domain.commands import wording
from domain.model.command import Command, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import StartSpec, StopSpec
from tests.unit.domain.situations import (
    TOKEN,
    answered,
    at,
    reset,
    start,
    stop,
    unlock,
)


def concluded(command: Command, cause: Cause) -> Command:
    return changes.concluded(command, ending(cause), at(90))


def test_titles_name_station_evse_and_masked_token() -> None:
    assert wording.title(start()) == "Start session at CP1, EVSE 1, token ****1234"
    anywhere = replace(start(), start=StartSpec(TOKEN))
    assert wording.title(anywhere) == "Start session at CP1, token ****1234"
    assert wording.title(stop()) == "Stop session at CP1, transaction 7"
    by_token = replace(
        stop(), stop=StopSpec(evse_id=2, id_token=TOKEN, found_ocpp_transaction_id="7")
    )
    assert wording.title(by_token).endswith("EVSE 2, token ****1234, transaction 7")
    assert wording.title(unlock()) == "Unlock connector at CP1, EVSE 1, connector 1"
    assert wording.title(unlock(stop_first=True)).endswith("its session is stopped first")
    assert wording.title(reset()) == "Reset at CP1, the whole station, SOFT"
    assert wording.title(reset(evse_id=2)) == "Reset at CP1, EVSE 2, SOFT"
    assert wording.frame_title(start(), 1, "g1", False).endswith("(frame 1, by g1)")
    assert "unwanted" in wording.frame_title(start(), 2, "g1", True)


def test_the_origin_tells_who_asked_until_when_and_in_which_trace() -> None:
    text = wording.origin(replace(start(), caller="desk", trace_id="abc"))
    for words in ("desk", "acme", "2026-05-01 12:05:00", "FAIL_FAST", "abc"):
        assert words in text
    assert "without credentials" in wording.origin(start())


def test_details_tell_state_outcome_and_compensation() -> None:
    waiting = changes.waiting(start(), "The station is offline.")
    assert "Now: The station is offline." in wording.details(waiting)
    done = changes.undoing(
        changes.cancel_asked(concluded(answered(start()), Cause.ANSWER_TIMEOUT), ""),
        *("late", "tx", "7", at(91)),
    )
    text = wording.details(done)
    for words in ("DONE", "ANSWER_TIMEOUT", "PENDING", "no reason given"):
        assert words in text


def test_details_tell_the_way_of_the_frame_when_it_is_known() -> None:
    text = wording.details(start(), "KEY_REFUSED")
    assert "Way of its frame: over the task queue, as the gateway refused the key" in text
    assert "Way" not in wording.details(start())


def test_a_mask_and_a_stations_words_stay_what_they_are_in_markdown() -> None:
    words = "The station said: [free](https://example.com) **power**."
    outcome = ending(Cause.STATION_REJECTED, words)
    text = wording.details(start(state=State.DONE, outcome=outcome))
    assert r"\[free\](https://example.com) \*\*power\*\*" in text
    assert r"token \*\*\*\*" in text


def test_a_command_without_a_trace_shows_none() -> None:
    assert "Trace: `4bf9`" in wording.origin(replace(start(), trace_id="4bf9"))
    assert "Trace" not in wording.origin(start())


def test_a_summary_is_cut_where_temporal_would_refuse_it() -> None:
    title = wording.title(replace(start(), station="\N{BATTERY}" * 255))
    assert len(wording.brief(title).encode()) <= wording.SUMMARY_BYTES
    assert wording.brief(title).startswith("Start session at \N{BATTERY}")
    assert wording.brief("Reset at CP-1") == "Reset at CP-1"


def test_a_story_says_what_the_workflow_knows_and_where_the_rest_is() -> None:
    command = start()
    told = wording.story(command, 2, None)
    assert told.startswith(wording.details(command))
    assert "Frames that it tried to send: 2" in told
    assert f"evcommand explain {command.name}" in told
    assert "until" not in told


def test_a_story_says_how_long_late_evidence_is_acted_on() -> None:
    assert "acted on until: 2026-05-01 12:10:00 UTC" in wording.story(start(), 1, at(600))


def test_a_frame_that_may_go_over_the_direct_line_is_named_and_never_too_long() -> None:
    end = " (frame 2, over the direct line if it may be sent now)"
    assert wording.handing_title(start(), 2) == wording.title(start()) + end
    long = wording.handing_title(replace(start(), station="ü" * 400), 2)
    assert long.endswith(end)
    assert len(long.encode()) <= wording.SUMMARY_BYTES
