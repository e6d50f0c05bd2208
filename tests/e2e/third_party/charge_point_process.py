"""A program on somebody else's library, in a process of its own, and what it says about itself."""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EVENT_LIMIT_S = 30.0
_OFF_LIMIT_S = 10.0

Event = dict[str, Any]


@dataclass
class ChargePointProcess:
    """The events that a charge point printed, one JSON object per line: {"event": ..., ...}.

    Back ends (CSMS) by others do the same.
    """

    name: str
    process: "subprocess.Popen[str]"
    log: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)
    ended: bool = False

    def read(self) -> None:
        """Takes in what the process prints until it ends; lines that are no event are its log."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.news:
                try:
                    self.events.append(json.loads(line))
                except json.JSONDecodeError:
                    self.log.append(line)
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def wait_for(self, event: str, method: str = "") -> Event:
        """The first event of that name (and about that OCPP action), now or later."""
        deadline = time.monotonic() + EVENT_LIMIT_S
        with self.news:
            while True:
                for seen in self.events:
                    if seen["event"] == event and method in ("", seen.get("method")):
                        return seen
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    raise AssertionError(f"no {event} {method} from {self.name}:\n{self.story()}")
                self.news.wait(left)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Returns as soon as this holds; it is looked at after each event."""
        deadline = time.monotonic() + EVENT_LIMIT_S
        while not holds():
            with self.news:
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    raise AssertionError(f"{self.name} never came so far:\n{self.story()}")
                self.news.wait(min(left, 0.2))

    def tell(self, line: str) -> None:
        """Write a line to the program."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def received(self, method: str) -> list[Event]:
        """The calls of one method that the broker made."""
        with self.news:
            return [e for e in self.events if e["event"] == "received" and e["method"] == method]

    def violations(self) -> list[Event]:
        """What the charge point's library objected to, in our frames or in its own."""
        with self.news:
            return [event for event in self.events if event["event"] in ("violation", "trouble")]

    def story(self) -> str:
        """Everything that the process printed, for a failing test."""
        return "\n".join([json.dumps(event) for event in self.events] + self.log)


@contextmanager
def running_charge_point(
    station: str, command: Sequence[str | Path], env: Mapping[str, str]
) -> Iterator[ChargePointProcess]:
    """Runs the program until the block ends; both of its streams are read all the time."""
    process = subprocess.Popen(
        [str(word) for word in command],
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    charge_point = ChargePointProcess(station, process)
    reader = threading.Thread(target=charge_point.read, daemon=True)
    reader.start()
    try:
        yield charge_point
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_OFF_LIMIT_S)
        process.kill()
        process.wait()
        reader.join(_OFF_LIMIT_S)
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            stream.close()
