"""Whether a command may be sent now, must wait, or is never sent."""

from dataclasses import replace

import pytest

from domain import limits
from domain.commands import sending
from domain.commands.sending import SendAct, Whereabouts, before_sending, until_it_has_an_id
from domain.commands.table import COMMANDS
from domain.model.outcomes import Cause
from domain.model.specs import Kind, OfflinePolicy
from tests.unit.domain.situations import (
    at,
    start,
)

READY = Whereabouts(registered=True, gateway="g1", boot_state="ACCEPTED")


@pytest.mark.parametrize(
    ("where", "policy", "now_s", "course", "cause"),
    [
        (READY, OfflinePolicy.FAIL_FAST, 0, SendAct.SEND, None),
        (READY, OfflinePolicy.FAIL_FAST, 300, SendAct.CONCLUDE, Cause.NOT_AFTER_PASSED),
        (
            replace(READY, registered=False),
            OfflinePolicy.WAIT,
            0,
            SendAct.CONCLUDE,
            Cause.STATION_UNKNOWN,
        ),
        (
            replace(READY, gateway=None),
            OfflinePolicy.FAIL_FAST,
            0,
            SendAct.CONCLUDE,
            Cause.STATION_OFFLINE,
        ),
        (replace(READY, gateway=None), OfflinePolicy.WAIT, 0, SendAct.WAIT, None),
        (
            replace(READY, gateway=None),
            OfflinePolicy.WAIT,
            300,
            SendAct.CONCLUDE,
            Cause.NOT_AFTER_PASSED,
        ),
        (replace(READY, boot_state="PENDING"), OfflinePolicy.FAIL_FAST, 0, SendAct.WAIT, None),
        (
            replace(READY, boot_state=""),
            OfflinePolicy.FAIL_FAST,
            300,
            SendAct.CONCLUDE,
            Cause.BOOT_NOT_ACCEPTED,
        ),
        (
            replace(READY, boot_state="", quarantined=True),
            OfflinePolicy.WAIT,
            0,
            SendAct.CONCLUDE,
            Cause.STATION_QUARANTINED,
        ),
    ],
)
def test_where_a_command_heads_for(
    where: Whereabouts, policy: OfflinePolicy, now_s: float, course: SendAct, cause: Cause | None
) -> None:
    way = before_sending(start(offline_policy=policy), where, at(now_s))
    assert way.act is course
    assert (way.outcome.cause if way.outcome else None) == cause
    assert bool(way.progress) is (course is SendAct.WAIT)


MOVING = replace(READY, gateway=None, moved_time=at(0))
"""Its gateway closed its socket to drain, and it is not at another one yet."""


@pytest.mark.parametrize("policy", list(OfflinePolicy))
def test_a_command_waits_a_short_while_for_a_station_that_changes_its_gateway(
    policy: OfflinePolicy,
) -> None:
    moved_for_s = limits.MOVE_PATIENCE.total_seconds()
    command = start(offline_policy=policy)
    way = before_sending(command, MOVING, at(moved_for_s - 1))
    assert (way.act, way.outcome) == (SendAct.WAIT, None)
    assert "changes its gateway" in way.progress or policy is OfflinePolicy.WAIT
    over = before_sending(command, MOVING, at(moved_for_s))
    assert over.act is (SendAct.CONCLUDE if policy is OfflinePolicy.FAIL_FAST else SendAct.WAIT)


def test_a_command_looks_for_a_moving_station_until_its_time_is_over() -> None:
    command = start(offline_policy=OfflinePolicy.FAIL_FAST)
    way = before_sending(command, MOVING, at(0))
    assert way.look_again == at(0) + limits.MOVE_PATIENCE
    soon = replace(command, not_after=at(5))
    assert before_sending(soon, MOVING, at(1)).look_again == at(5)
    way = before_sending(soon, MOVING, at(5))
    assert way.outcome is not None
    assert way.outcome.cause == Cause.NOT_AFTER_PASSED


def test_a_quarantine_bars_what_begins_a_session_or_opens_a_lock() -> None:
    barred = {kind for kind, rules in COMMANDS.items() if rules.barred_by_quarantine}
    assert barred == {Kind.START_SESSION, Kind.UNLOCK_CONNECTOR}


def test_what_was_not_sent_is_tried_again_within_limits() -> None:
    assert sending.may_try_again(1, True, at(0), at(1))
    assert not sending.may_try_again(1, False, at(0), at(1))
    assert not sending.may_try_again(1, True, at(1), at(1))
    assert not sending.may_try_again(limits.MAX_ATTEMPTS, True, at(0), at(1))
    assert sending.pause_before(1) == limits.RETRY_PAUSE
    assert sending.pause_before(40) == limits.LONGEST_RETRY_PAUSE


def test_the_station_is_looked_for_in_growing_steps_until_not_after() -> None:
    assert sending.next_route_look(0, at(0), at(999)) == at(30)
    assert sending.next_route_look(1, at(0), at(999)) == at(60)
    assert sending.next_route_look(9, at(0), at(999)) == at(999)


@pytest.mark.parametrize(
    ("where", "now_s", "course", "cause"),
    [
        (READY, 0, SendAct.WAIT, None),
        (READY, 300, SendAct.CONCLUDE, Cause.SESSION_WITHOUT_ID),
        (replace(READY, gateway=None), 0, SendAct.CONCLUDE, Cause.STATION_OFFLINE),
        (replace(READY, boot_state=""), 300, SendAct.CONCLUDE, Cause.BOOT_NOT_ACCEPTED),
    ],
)
def test_a_command_waits_for_the_id_of_its_session_until_its_deadline(
    where: Whereabouts, now_s: float, course: SendAct, cause: Cause | None
) -> None:
    command = replace(start(), offline_policy=OfflinePolicy.FAIL_FAST)
    way = until_it_has_an_id(before_sending(command, where, at(now_s)))
    assert (way.act, way.outcome.cause if way.outcome else None) == (course, cause)
    assert bool(way.progress) is (course is SendAct.WAIT)
