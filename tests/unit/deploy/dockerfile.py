"""Reads a Dockerfile: its stages, and their instructions, in the words of the file."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    """One instruction: COPY, and what follows it with continued lines joined."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """What follows as words, whether it is written as a JSON list or not."""
        return list(json.loads(self.rest)) if self.rest.startswith("[") else shlex.split(self.rest)


@dataclass(frozen=True)
class Stage:
    """base: the image that it begins with, with the defaults of ARGs filled in."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        """The instructions of this name."""
        return [each for each in self.instructions if each.name == name]

    def one(self, name: str) -> Instruction:
        """The last instruction of this name: that is the one that holds."""
        return self.all(name)[-1]

    def variables(self) -> dict[str, str]:
        """What ENV sets."""
        pairs = [word for each in self.all("ENV") for word in each.words]
        return dict(pair.split("=", 1) for pair in pairs)


def stages_of(path: Path) -> list[Stage]:
    """The stages of a Dockerfile."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    defaults: dict[str, str] = {}
    stages: list[Stage] = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip():
            continue
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            image, _, alias = rest.partition(" AS ")
            filled = re.sub(r"\$\{(\w+)\}", lambda at: defaults[at[1]], image)
            stages.append(Stage(filled.strip(), alias.strip()))
        elif not stages and name == "ARG":
            key, _, default = rest.partition("=")
            defaults[key] = default
        else:
            stages[-1].instructions.append(Instruction(name, rest.strip()))
    return stages
