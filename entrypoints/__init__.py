"""The `evcommand` program: its commands, its settings, and what each process consists of.

    cli.py         the commands, as click declares them
    commands/      what is behind `demo`, `explain`, `station`, and the text that `up` prints
    settings.py    every setting of every process; options.py makes command-line options of them
    processes.py   the composition root: which parts a process has, and in which order they start
    lifetime.py    event loop, signals and exit of a process
    temporal/      how a process finds, starts and reaches Temporal

This room imports all others; no other room imports it.
"""

import os

# gRPC's core writes to standard error itself: not through our queue, so that a log pipe that nobody
# reads would stop its threads, and as often as strangers make it. What it has to say of calls and
# connections is said by our own lines. It reads this when it is imported, so it stands here.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
