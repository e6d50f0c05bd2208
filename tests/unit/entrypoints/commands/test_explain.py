"""The explanation of a command as lines for a terminal."""

from datetime import UTC, datetime, timedelta

from evcommand.v1 import remote_command_service_pb2 as pb

from entrypoints.commands.broker_access import printable
from entrypoints.commands.explain import rendered

T0 = datetime(2026, 5, 4, 12, tzinfo=UTC)


def step(after_s: float, kind: pb.Step.Kind.ValueType, summary: str, **facts: str) -> pb.Step:
    made = pb.Step(kind=kind, summary=summary, facts=facts, actor=pb.Step.ACTOR_STATION)
    made.time.FromDatetime(T0 + timedelta(seconds=after_s))
    return made


ASKED = step(0, pb.Step.KIND_ASKED, "desk asked", command="c-1", workflow_id="command/acme/c-1")
SENT = step(1.25, pb.Step.KIND_FRAME_SENT, "written", message_id="m-1", frame="{}", epoch="3")


def test_the_ids_stand_above_the_steps() -> None:
    lines = list(rendered([ASKED, SENT], 100))
    assert lines[:2] == ["Command   c-1", "Workflow  command/acme/c-1"]
    assert lines[2] == "Began     2026-05-04 12:00:00 UTC"


def test_a_frame_shows_its_message_id_and_every_fact_only_when_asked() -> None:
    brief, whole = list(rendered([SENT], 100)), list(rendered([SENT], 100, every_fact=True))
    assert [line.strip() for line in brief[3:]] == ["message_id: m-1", "frame: {}"]
    assert [line.strip() for line in whole[3:]] == ["epoch: 3", "frame: {}", "message_id: m-1"]


def test_a_long_summary_is_wrapped_below_itself() -> None:
    lines = list(rendered([step(0, pb.Step.KIND_EVIDENCE, "word " * 60)], 80))
    assert len(lines) > 6
    assert max(len(line) for line in lines) <= 80


def test_a_station_cannot_steer_the_terminal() -> None:
    lines = list(
        rendered([step(0, pb.Step.KIND_EVIDENCE, "bad \x1b[2J\x07 word", frame="\x1b]0;x")], 100)
    )
    assert all(line.isprintable() for line in lines)
    assert printable("a\x1b\nb") == "a\ufffd\ufffdb"


def test_a_step_of_a_booking_names_the_command_to_explain_next() -> None:
    asked = step(2, pb.Step.KIND_COMMAND, "Asked: Reserve.", command="commands/c-2", code="X")
    lines = list(rendered([step(0, pb.Step.KIND_ASKED, "desk", booking="bookings/b-1"), asked], 90))
    assert lines[0] == "Booking   bookings/b-1"
    assert lines[-1].strip() == "command: commands/c-2"


def test_an_empty_story_is_no_lines() -> None:
    assert list(rendered([], 100)) == []
