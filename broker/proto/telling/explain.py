"""The explanation of a command, out: its steps as the contract's. Pure.

Values of tokens never come this far.
"""

from evcommand.v1 import remote_command_service_pb2 as pb

from broker.proto.times import time_out
from journal.explain.step import ExplainStep


def step_out(step: ExplainStep) -> pb.Step:
    """A step as the contract shows it."""
    return pb.Step(
        time=time_out(step.time),
        kind=pb.Step.Kind.Value(f"KIND_{step.kind.value}"),
        summary=step.summary,
        facts=step.facts,
        actor=pb.Step.Actor.Value(f"ACTOR_{step.actor.name}"),
    )
