"""Finds the commands that README.md tells a newcomer to paste."""

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

GRPC_ADDRESS = "127.0.0.1:50051"
"""The address in README.md: the default of `--grpc-listen`."""

_BLOCK = re.compile(r"^```(?:console|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PROMPT = "$ "
_STATION = re.compile(r"stations/([A-Za-z0-9_.-]+)")
_ANSWER_WORDS = re.compile(r'"(?:state|code|status|kind)": *"[A-Za-z_]+"')


@dataclass
class Pasted:
    """A command, and what README.md shows as its output ("" when it shows none)."""

    command: str
    output: str = ""

    @property
    def stations(self) -> set[str]:
        """The identities of the stations that the command names."""
        return set(_STATION.findall(self.command))

    def missing_from(self, printed: str) -> list[str]:
        """States, codes and the like that README.md shows and that were not printed."""
        return [word for word in _ANSWER_WORDS.findall(self.output) if word not in printed]


@dataclass(frozen=True)
class ShownStation:
    """A simulated station of README.md. settings: environment variables, its password too."""

    version: str
    settings: dict[str, str]


def grpcurl_lines(readme: Path) -> list[Pasted]:
    """Every grpcurl command of the `console` and `sh` blocks, in the order of the text."""
    blocks = _BLOCK.findall(readme.read_text())
    pasted = [entry for block in blocks for entry in _entries(block)]
    return [
        entry for entry in pasted if shlex.split(entry.command, comments=True)[:1] == ["grpcurl"]
    ]


def shown_stations(readme: Path) -> dict[str, ShownStation]:
    """The stations that README.md switches on with `evcommand station`, by id."""
    shown = {}
    for block in _BLOCK.findall(readme.read_text()):
        for entry in _entries(block):
            words = shlex.split(entry.command, comments=True)
            if "station" in words and any(word.endswith("evcommand") for word in words):
                options = dict(pairwise(words))
                settings = dict(
                    word.split("=", 1) for word in words if word.startswith("EVCOMMAND_")
                )
                shown[options["--id"]] = ShownStation(options["--version"], settings)
    return shown


def _entries(block: str) -> list[Pasted]:
    """With prompts, what follows a command is its output; without, every line is a command."""
    prompts = block.startswith(_PROMPT) or f"\n{_PROMPT}" in block
    entries: list[Pasted] = []
    lines = iter(block.splitlines())
    for line in lines:
        if prompts and not line.startswith(_PROMPT):
            if entries:
                entries[-1].output += line + "\n"
            continue
        command = line.removeprefix(_PROMPT)
        while not _complete(command):
            command += "\n" + next(lines).removeprefix("> ")
        if command.strip():
            entries.append(Pasted(command))
    return entries


def _complete(command: str) -> bool:
    """Whether a shell would run it: no quote is open and no line continues."""
    if command.endswith("\\"):
        return False
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return False
    return True
