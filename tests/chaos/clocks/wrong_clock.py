"""A wall clock that jumps under a running process, and under no other.

The offset stands in a file that the process has mapped (see wrong_clock.c), so it jumps between
two of its instructions: in Python, in the Rust of Temporal's SDK, and in the C of gRPC alike.
"""

import os
import struct
import subprocess
from pathlib import Path

from tests.support.preloaded import CLOCK_FILE, Parent

_SOURCE = Path(__file__).with_name("wrong_clock.c")
_COMPILE_S = 60


class WrongClock:
    """The clock of one process: right until it jumps.

    environment: what the process, a child of `parent_with_clocks`, has to be started with.
    """

    def __init__(self, file: Path) -> None:
        self.environment = {CLOCK_FILE: str(file)}
        self._file = os.open(file, os.O_RDWR | os.O_CREAT)
        self.jump(0.0)

    def jump(self, by_s: float) -> None:
        """From now on it is off by so many seconds; negative: behind."""
        os.pwrite(self._file, struct.pack("=q", round(by_s * 1e9)), 0)

    def mend(self) -> None:
        """It is right again."""
        self.jump(0.0)

    def close(self) -> None:
        """Nobody sets it any more."""
        os.close(self._file)


def parent_with_clocks(home: Path) -> Parent:
    """A parent whose children may have a wrong clock. home: where the library goes."""
    library = home / "wrong_clock.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE), "-ldl"]
    subprocess.run(command, check=True, timeout=_COMPILE_S)
    return Parent({"LD_PRELOAD": str(library)})
