"""Child processes that end when their parent ends."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> Callable[[], None] | None:
    """A `preexec_fn` for subprocess.Popen: the kernel kills the child when the parent dies.

    The parent is the thread that starts the child (Linux: prctl(2), PR_SET_PDEATHSIG). Start the
    child from a thread that lives as long as the child should.

    Returns None on a system without such a signal (macOS): a killed parent leaves its child there.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask_for_death_signal() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before prctl; then no signal comes.
        if os.getppid() != parent:
            os._exit(1)

    return ask_for_death_signal
