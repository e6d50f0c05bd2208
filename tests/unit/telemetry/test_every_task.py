"""Every task that outlives its caller is supervised, or says here why it need not be.

A task that dies in silence leaves a process that looks healthy and does nothing. Whoever starts one
uses `telemetry.supervision`, or adds a row with the reason.
"""

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
ROOMS = (
    *("broker", "contract", "domain", "entrypoints", "fleet"),
    *("journal", "station_gateway", "telemetry", "workflows"),
)
STARTS = re.compile(r"\b(?:create_task|ensure_future|TaskGroup|start_soon)\(")
SUPERVISED = re.compile(r"create_task\(\s*supervised\(")

ALLOWED = {
    "broker/access/signing_keys.py": (1, "ends with its fetch; every call that waits hears of it"),
    "broker/asking.py": (1, "ends with the call that asks, which reads its error"),
    "broker/bookings/turns.py": (1, "is one search; who waits for it reads its error"),
    "broker/callbacks/names.py": (1, "is one lookup; the posts that wait for it read its result"),
    "broker/reading/waiting.py": (2, "end with the wait that started them"),
    "broker/submitting.py": (1, "its result is read by the call, or by the command's workflow"),
    "broker/temporal.py": (1, "ends with the update that it belongs to"),
    "entrypoints/commands/demo.py": (1, "the demo reads it before it ends"),
    "entrypoints/lifetime.py": (1, "is the process itself"),
    "fleet/engine/group_commit.py": (1, "ends with its queue; every write hears of its error"),
    "fleet/log/watchers.py": (1, "tells its error to every watcher, and those are supervised"),
    "station_gateway/commands/activities.py": (
        1,
        "ends with its activity; a result that is not told is settled by its workflow",
    ),
    "station_gateway/commands/runs.py": (1, "is one frame; its failure is logged and counted"),
    "station_gateway/commands/sending.py": (1, "is one frame; its activity reads the result"),
    "station_gateway/commands/turns.py": (1, "is one note of a wait; the turn waits for it"),
    "station_gateway/draining.py": (1, "ends with the drain, which closes what it left open"),
    "station_gateway/lease.py": (1, "only waits for the stop, and ends with the catching up"),
    "station_gateway/relay/relayed_station.py": (
        1,
        "ends with its station, which waits for it; whatever goes wrong in it ends both sockets",
    ),
    "station_gateway/sockets/securing.py": (
        1,
        "is one TLS handshake; whatever goes wrong in it ends its connection",
    ),
    "station_gateway/sockets/upstream.py": (
        1,
        "is one try of an address; whoever dials awaits it, and closes what comes too late",
    ),
    "station_gateway/stations/station.py": (1, "is short; its failure is logged and counted"),
    "telemetry/heartbeats.py": (1, "ends with its activity"),
    "journal/wakeups.py": (4, "in the group of the dispatcher, which is supervised as a whole"),
    "workflows/activities/lines.py": (2, "is one offer, or an old channel that closes"),
    "workflows/alarms.py": (1, "belongs to a workflow: Temporal runs it"),
    "workflows/command_workflow.py": (1, "belongs to a workflow: Temporal runs it"),
    "workflows/reservation_workflow.py": (2, "belongs to a workflow: Temporal runs it"),
}
"""How many tasks a file starts without supervision, and why that is right."""


def unsupervised() -> dict[str, int]:
    found = {}
    for room in ROOMS:
        for path in sorted((CHECKOUT / room).rglob("*.py")):
            text = path.read_text()
            number = len(STARTS.findall(text)) - len(SUPERVISED.findall(text))
            if number:
                found[path.relative_to(CHECKOUT).as_posix()] = number
    return found


def test_every_task_is_supervised_or_says_why_it_need_not_be() -> None:
    assert unsupervised() == {file: number for file, (number, _) in ALLOWED.items()}
