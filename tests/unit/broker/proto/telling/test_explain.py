"""The kinds of steps that clients are shown."""

from evcommand.v1 import remote_command_service_pb2 as pb

from broker.proto.telling.explain import step_out
from journal.explain.step import Actor, ExplainStep, StepKind
from tests.unit.broker.requests import NOW

RESERVED_KINDS = {"KIND_UNSPECIFIED", "KIND_CALLBACK"}


def test_every_kind_of_step_is_in_the_contract_and_the_others_are_reserved() -> None:
    shown = {step_out(ExplainStep(kind, NOW, Actor.WORKER, "")).kind for kind in StepKind}
    names = {pb.Step.Kind.Name(kind) for kind in shown}
    assert names == set(pb.Step.Kind.keys()) - RESERVED_KINDS


def test_every_actor_of_a_step_is_in_the_contract() -> None:
    shown = {step_out(ExplainStep(StepKind.ASKED, NOW, who, "")).actor for who in Actor}
    assert {pb.Step.Actor.Name(who) for who in shown} == set(pb.Step.Actor.keys()) - {
        "ACTOR_UNSPECIFIED"
    }
