"""The words that an operator reads in the Temporal web UI."""

from domain.commands import wording
from domain.model.specs import Kind, ResetMode, ResetSpec, StartSpec
from tests.unit.broker.things import TOKEN, command


def test_the_web_ui_says_what_is_asked_of_which_station() -> None:
    at_evse_1 = command(start=StartSpec(TOKEN, evse_id=1))
    assert wording.title(at_evse_1).startswith("Start session at CP/1, EVSE 1, token ****")
    whole_station = command(kind=Kind.RESET, start=None, reset=ResetSpec(ResetMode.HARD))
    assert wording.title(whole_station) == "Reset at CP/1, the whole station, HARD"


def test_the_web_ui_says_who_asked_until_when_and_in_which_trace() -> None:
    shown = wording.origin(command(caller="desk", trace_id="4bf9"))
    assert "Asked by: desk, tenant default" in shown
    assert "When the station is offline: FAIL_FAST" in shown
    assert "Trace: `4bf9`" in shown
    assert "Trace" not in wording.origin(command())


def test_a_summary_is_cut_where_temporal_would_refuse_it() -> None:
    title = wording.title(command(station="\N{BATTERY}" * 255))
    assert len(wording.brief(title).encode()) <= wording.SUMMARY_BYTES
    assert wording.brief(title).startswith("Start session at \N{BATTERY}")
    assert wording.brief("Reset at CP-1") == "Reset at CP-1"
