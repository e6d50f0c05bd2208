"""What stations really do, and the tests that hold what is told of it.

Each row is one behaviour. Its tests stand beside it, as file and name below `tests/`. Those of
`e2e/field` speak over a raw socket to a whole running system; the others meet a gateway, a broker
or pure code. This file fails when a named test is gone, and when a test of this folder has no row.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.sources import functions_of

TESTS = Path(__file__).parents[3]
FIELD = "e2e/field/"
ALL, V1, V2 = "1.6, 2.0.1, 2.1", "1.6", "2.0.1, 2.1"
EACH = "0, 30, 100, 500 and 3,000 ms"
NONE = ""


@dataclass(frozen=True)
class Behaviour:
    """One thing that stations do.

    versions: those on which it can occur and is tried. delays: what lies between two messages that
    can come in either order, over the row's tests together; empty where no two can. tests: file
    and name of each.
    """

    does: str
    versions: str
    delays: str
    tests: tuple[str, ...]


LATE, SIGNS = FIELD + "test_late_tokens.py::test_", FIELD + "test_signs.py::test_"
LASTING = FIELD + "test_lasting_authorisations.py::test_"
ODD, OTHERS = FIELD + "test_odd_reports.py::test_", FIELD + "test_odd_reports_of_others.py::test_"
CLOCKS, BOOTS = FIELD + "test_clocks.py::test_", FIELD + "test_boots.py::test_"
REFUSALS, PLUG = FIELD + "test_refusals.py::test_", FIELD + "test_one_plug.py::test_"
ACTS = FIELD + "commands/test_acts_and_answers.py::test_"
USELESS = FIELD + "commands/test_unusable_reports.py::test_"
GATEWAY = "integration/station_gateway/"
KEPT, SOCKETS = GATEWAY + "test_odd_reports.py::test_", GATEWAY + "sockets/"
BROKER = "integration/broker/"

BEHAVIOURS = (
    # A token that is told late
    Behaviour(
        "begins with the cable, and tells the token after its answer",
        V2,
        EACH,
        (LATE + "cable_first_and_the_token_later_is_a_session_that_started",),
    ),
    Behaviour(
        "reports something else between its answer and the token",
        V2,
        EACH,
        (LATE + "a_meter_value_between_the_answer_and_the_token_refuses_nothing",),
    ),
    Behaviour(
        "names the request and never a token",
        V2,
        NONE,
        (
            LATE + "a_session_that_names_our_request_and_no_token_is_a_session_that_started",
            LASTING + "a_session_that_never_told_its_token_is_stopped_by_the_command_s_token",
        ),
    ),
    Behaviour(
        "tells the token after the command is done",
        V2,
        EACH,
        (LASTING + "a_token_told_late_is_the_command_s_token_whatever_the_delay",),
    ),
    # An authorisation lasts as long as its session
    Behaviour(
        "repeats its start, its end and its questions on the next socket",
        ALL,
        EACH,
        (LASTING + "a_repeated_start_is_answered_as_the_first_one_whatever_the_delay",),
    ),
    # Odd and useless reports
    Behaviour(
        "reports a start oddly: times, meters, numbers, tags, texts, keys",
        ALL,
        NONE,
        (
            ODD + "an_odd_start_of_1_6_is_a_session_that_started",
            ODD + "an_odd_event_is_a_session_that_started",
        ),
    ),
    Behaviour(
        "reports an end oddly",
        ALL,
        NONE,
        (
            ODD + "an_odd_stop_of_1_6_is_a_session_that_stopped",
            ODD + "an_odd_end_is_a_session_that_stopped",
        ),
    ),
    Behaviour(
        "reports meter values oddly, and its next message waits behind them",
        ALL,
        NONE,
        (
            ODD + "odd_meter_values_are_confirmed",
            ODD + "odd_meter_values_of_an_evse_are_confirmed",
        ),
    ),
    Behaviour(
        "reports oddly the session of a cancelled start, an unlock or a reservation",
        ALL,
        NONE,
        (
            OTHERS + "an_odd_session_of_a_cancelled_start_is_stopped",
            OTHERS + "an_odd_end_lets_an_unlock_that_stops_first_go_on",
            OTHERS + "an_odd_session_uses_its_reservation",
        ),
    ),
    Behaviour(
        "reports a session in a message that is of no use",
        ALL,
        EACH,
        (
            USELESS + "a_report_that_is_of_no_use_forbids_to_say_that_nothing_began",
            KEPT + "what_nobody_can_take_is_kept_and_wakes_the_command_that_waits",
            KEPT + "a_stop_that_names_none_of_two_sessions_is_kept",
        ),
    ),
    Behaviour(
        "repeats a report that the database could not take",
        V1,
        NONE,
        (KEPT + "a_fact_without_a_database_is_written_when_it_is_back_though_nobody_repeats_it",),
    ),
    Behaviour(
        "is held to the letter, in a laboratory",
        V1,
        NONE,
        (KEPT + "the_strict_gateway_refuses_and_keeps",),
    ),
    # Boots
    Behaviour(
        "connects and does not boot, or boots when it is asked, or late",
        ALL,
        EACH,
        (
            BOOTS + "a_station_without_a_boot_gets_its_commands_whatever_it_does_instead",
            BOOTS + "a_station_that_comes_back_boots_first_or_is_ready_after_a_moment",
        ),
    ),
    Behaviour(
        "is held in its boot, by us",
        V1,
        NONE,
        (GATEWAY + "test_boots.py::test_a_station_that_nobody_registered_can_be_held",),
    ),
    # One plug, one session
    Behaviour(
        "loses its power in a session and never tells the end",
        ALL,
        EACH,
        (FIELD + "test_power_cuts.py::test_one_plug_has_one_session",),
    ),
    Behaviour(
        "tells one session twice, under two ids",
        V1,
        NONE,
        (PLUG + "a_stop_by_its_first_name_reaches_a_session_that_is_told_again",),
    ),
    Behaviour(
        "shows a plug that bounces", V1, NONE, (PLUG + "a_plug_that_bounces_is_no_end_of_the_wait",)
    ),
    # Clocks
    Behaviour(
        "ends a session before it began, by its clock",
        ALL,
        EACH,
        (CLOCKS + "an_end_before_its_own_start_proves_a_wrong_clock",),
    ),
    Behaviour(
        "tells local time without a zone, a wrong time, small letters",
        ALL,
        NONE,
        (
            CLOCKS + "local_time_without_a_zone_is_read_right",
            CLOCKS + "a_clock_that_is_wrong_by_a_constant_is_corrected",
            CLOCKS + "a_clock_that_is_a_little_behind_is_known_from_live_messages",
        ),
    ),
    # Signs against "nothing happened"
    Behaviour(
        "begins a session that may be ours: no tag, no place, no request named",
        ALL,
        EACH,
        (SIGNS + "a_session_that_may_be_ours_forbids_to_say_that_nothing_began",),
    ),
    Behaviour(
        "shows a place as charging and reports no session",
        V1,
        NONE,
        (REFUSALS + "a_place_that_is_shown_as_charging_forbids_to_say_that_nothing_happened",),
    ),
    Behaviour(
        "lets another driver use a reservation",
        ALL,
        NONE,
        (SIGNS + "a_reservation_that_another_driver_uses_is_not_told_as_used",),
    ),
    Behaviour(
        "ends a session by a reset and boots on the same socket",
        V2,
        NONE,
        (REFUSALS + "a_session_that_ended_by_a_reset_forbids_to_say_that_nothing_restarted",),
    ),
    # Message ids
    Behaviour(
        "uses a message id again, for the same and for other messages",
        ALL,
        EACH,
        (
            FIELD + "test_message_ids.py::"
            "test_a_message_under_an_old_id_is_handled_and_a_repeated_report_is_not",
        ),
    ),
    # Deeds against words
    Behaviour(
        "refuses a start, or answers with an error, and the session begins",
        ALL,
        EACH,
        (
            REFUSALS + "an_error_is_no_refusal_and_the_session_that_begins_is_told",
            REFUSALS + "a_session_that_begins_after_a_refusal_is_stopped_or_told",
            REFUSALS + "a_session_that_began_before_the_refusal_is_told",
        ),
    ),
    Behaviour(
        "ends a session after it refused to, before it answers, or without an answer",
        ALL,
        EACH,
        (
            REFUSALS + "a_session_that_ends_after_its_stop_was_refused_is_told_as_stopped",
            ACTS + "a_session_that_ends_before_or_without_an_answer_is_told_as_stopped",
        ),
    ),
    Behaviour(
        "restarts after it refused to, or without an answer",
        ALL,
        EACH,
        (
            REFUSALS + "a_station_that_restarts_after_it_refused_to_is_told_as_restarted",
            ACTS + "a_station_that_restarts_without_an_answer_is_told_as_restarted",
        ),
    ),
    Behaviour(
        "says that it did not unlock, and the driver leaves",
        ALL,
        EACH,
        (ACTS + "a_place_that_is_left_forbids_to_say_that_it_was_not_unlocked",),
    ),
    Behaviour(
        "refuses a reservation and shows the place as reserved",
        ALL,
        EACH,
        (ACTS + "a_place_that_is_reserved_after_a_refusal_is_let_go",),
    ),
    Behaviour(
        "refuses to cancel a reservation and lets the place go",
        ALL,
        EACH,
        (
            ACTS + "a_place_that_is_let_go_after_a_refused_cancel_is_told_so",
            ACTS + "a_place_that_is_let_go_forbids_to_say_that_nothing_was_cancelled",
        ),
    ),
    Behaviour(
        "begins a session and never answers the start",
        ALL,
        EACH,
        (
            REFUSALS + "a_session_is_told_although_the_answer_is_lost",
            ACTS + "a_session_is_told_without_the_answer_to_its_start_whatever_the_delay",
        ),
    ),
    # Addresses, credentials, words
    Behaviour(
        "spells its address or its identity in its own way",
        V1,
        NONE,
        (
            SOCKETS + "test_handshake.py::"
            "test_a_bare_socket_is_admitted_with_every_form_of_its_address",
            SOCKETS + "test_old_stations.py::test_every_spelling_of_an_identity_finds_its_station",
            BROKER + "test_fleet_services.py::"
            "test_a_station_of_any_identity_is_served_by_every_call",
        ),
    ),
    Behaviour(
        "shows its key as digits or as bytes, and takes short ones only",
        V1,
        NONE,
        (
            SOCKETS + "test_old_stations.py::"
            "test_the_standards_own_authorization_key_is_good_as_digits_and_as_bytes",
            "unit/fleet/test_keys.py::test_generated_passwords_are_strong_and_fit_ocpp",
        ),
    ),
    Behaviour(
        "knows the old suites of TLS only",
        ALL,
        NONE,
        (SOCKETS + "test_tls.py::test_every_suite_that_ocpp_demands_is_taken",),
    ),
    Behaviour(
        "offers no version that we speak",
        ALL,
        NONE,
        (
            SOCKETS + "test_old_stations.py::"
            "test_a_station_without_a_common_version_leaves_one_line_with_the_remedy",
        ),
    ),
    # Small
    Behaviour(
        "shows a contract certificate that nobody can check",
        V2,
        NONE,
        (
            "unit/station_gateway/dialects/test_mending.py::"
            "test_a_contract_certificate_is_never_accepted_unseen",
        ),
    ),
    Behaviour(
        "answers in words that nobody understands",
        V1,
        NONE,
        (
            GATEWAY + "test_sending.py::"
            "test_an_unreadable_answer_is_an_answer_that_nobody_understands",
        ),
    ),
    Behaviour(
        "is probed by health checks and by reflection, as clients do",
        NONE,
        NONE,
        (
            BROKER + "test_standard_services.py::"
            "test_health_of_an_unknown_service_is_not_found_and_no_failure",
            BROKER + "test_standard_services.py::"
            "test_a_watch_of_health_tells_every_state_and_ends_with_the_broker",
            BROKER + "test_standard_services.py::test_reflection_resolves_every_kind_of_symbol",
            BROKER + "test_standard_services.py::"
            "test_hanging_up_on_a_standard_service_is_no_failure",
        ),
    ),
)


def defined_in(file: str) -> set[str]:
    """The tests that a file below `tests/` defines."""
    return {name for name in functions_of(TESTS / file) if name.startswith("test_")}


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda each: each.does)
def test_every_behaviour_has_the_tests_that_it_names(behaviour: Behaviour) -> None:
    missing = [
        name
        for name in behaviour.tests
        if name.partition("::")[2] not in defined_in(name.partition("::")[0])
    ]
    assert not missing
    assert behaviour.tests


def test_every_test_of_this_folder_is_named() -> None:
    files = (path for path in (TESTS / FIELD).rglob("test_*.py") if path != Path(__file__))
    found = {
        f"{file}::{name}"
        for file in (str(path.relative_to(TESTS)) for path in files)
        for name in defined_in(file)
    }
    assert found - {name for behaviour in BEHAVIOURS for name in behaviour.tests} == set()
