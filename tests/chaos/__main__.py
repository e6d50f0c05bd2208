"""`python -m tests.chaos`: breaks a house for some minutes, judges what it told, prints lines."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # read when grpc is imported

from tests.chaos.judging.judge import findings
from tests.chaos.plan import plan
from tests.chaos.report import print_report
from tests.chaos.run import run
from tests.chaos.stations.chargers import mixed_cast


def main() -> int:
    """Returns 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a directory for the logs; default: a new one")
    chosen = parser.parse_args()
    seconds = chosen.minutes * 60
    home = chosen.keep or Path(tempfile.mkdtemp(prefix="evcommand-chaos-"))
    home.mkdir(parents=True, exist_ok=True)
    faults = plan(chosen.seed, seconds)
    record = asyncio.run(
        run(
            chosen.seed, home, mixed_cast(chosen.seed), lambda all_: all_.carry_out(faults, seconds)
        )
    )
    (home / "record.json").write_text(json.dumps(asdict(record), default=_plain, indent=1))
    found = findings(record)
    print_report(chosen.seed, seconds, faults, record, found)
    sys.stderr.write(f"logs and record.json: {home}\n")
    return 1 if found else 0


def _plain(value: object) -> object:
    """What JSON has no word for: times, and sets."""
    return sorted(value) if isinstance(value, frozenset) else str(value)


if __name__ == "__main__":
    sys.exit(main())
