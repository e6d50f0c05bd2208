"""Threads read our dataclasses at once, and nobody dies of it."""

import subprocess
import sys

from contract.prepared import read_types
from tests.support.stored_payloads import ACTIVITY_TYPES, WORKFLOW_TYPES

RUNS = 8

RACE = """
import sys, threading
import contract.converter  # as every process with a client of Temporal does
import msgspec
from contract.commands import CommandInput, WeighEvidenceResult
from domain.model.command import Command

sys.setswitchinterval(1e-6)
kinds, ready = (CommandInput, Command, WeighEvidenceResult), threading.Barrier(4)

def read(first):
    ready.wait()
    for kind in kinds[first % 3:] + kinds[:first % 3]:
        for value in ({}, {"command": {"name": "a"}, "name": "x", "start": {"id_token": {}}}):
            try:
                msgspec.convert(value, kind)
            except msgspec.ValidationError:
                pass

threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
"""
"""Without what is prepared, two of three such processes die of a segmentation fault."""


def test_threads_that_read_the_same_dataclasses_first_do_not_kill_their_process() -> None:
    codes = [
        subprocess.run([sys.executable, "-c", RACE], check=False).returncode for _ in range(RUNS)
    ]
    assert codes == [0] * RUNS


def test_whatever_crosses_temporal_is_prepared() -> None:
    read = {
        kind for types in (*WORKFLOW_TYPES.values(), *ACTIVITY_TYPES.values()) for kind in types
    }
    assert read <= read_types()
