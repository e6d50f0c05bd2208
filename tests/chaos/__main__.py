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
from tests.chaos.plan import Fault, plan
from tests.chaos.report import print_report
from tests.chaos.run import chaos, rolling_restart


def main() -> int:
    """Returns 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a directory for the logs; default: a new one")
    parser.add_argument(
        "--rolling", action="store_true", help="only restart each process once, in order"
    )
    chosen = parser.parse_args()
    seed, seconds = chosen.seed, chosen.minutes * 60
    home = chosen.keep or Path(tempfile.mkdtemp(prefix="evcommand-chaos-"))
    home.mkdir(parents=True, exist_ok=True)
    if chosen.rolling:
        faults: tuple[Fault, ...] = ()
        again = f"make chaos SEED={seed} ARGS=--rolling"
        record = asyncio.run(rolling_restart(seed, home))
    else:
        faults, again = plan(seed, seconds), f"make chaos SEED={seed} MINUTES={chosen.minutes:g}"
        record = asyncio.run(chaos(seed, home, seconds))
    (home / "record.json").write_text(json.dumps(asdict(record), default=_plain, indent=1))
    found = findings(record)
    print_report(again, faults, record, found)
    sys.stderr.write(f"logs and record.json: {home}\n")
    return 1 if found else 0


def _plain(value: object) -> object:
    """What JSON has no word for: times, and sets."""
    return sorted(value) if isinstance(value, frozenset) else str(value)


if __name__ == "__main__":
    sys.exit(main())
