"""Every limit and every pause of the domain's rules that no operator sets.

The waits that depend on a fleet of stations are settings: see `Timing`. The values here belong to a
rule itself. Another value would make the rule wrong or useless, not slower or faster, so there is
nothing to choose. Each one says why it is as it is.
"""

from datetime import timedelta

# --- Sending a command's first frame

MAX_ATTEMPTS = 50
"""How often sending is tried. It only ends a loop of gateways that refuse again and again."""

RETRY_PAUSE = timedelta(milliseconds=500)
"""The first pause after an attempt that was certainly not sent. A reconnecting station is back in
a moment, so the first pause is short."""

LONGEST_RETRY_PAUSE = timedelta(seconds=10)
"""The longest such pause. A driver waits at the station, so it stays short."""

MOVE_PATIENCE = timedelta(seconds=30)
"""How long a command waits for a station whose gateway drained, also when it is to fail fast.

A station that is told to connect again does so at once or after a random pause. A station that is
not back by then has lost its network.
"""

ROUTE_LOOK = timedelta(seconds=30)
"""When the station is looked for the first time although nothing woke the workflow. A wake-up is
the rule; the look only repairs one that was lost."""

LONGEST_ROUTE_LOOK = timedelta(minutes=32)
"""The longest time between two such looks: each look costs an event of the history."""

# --- Looking at the facts

FIRST_LOOK = timedelta(seconds=5)
"""The first look at the facts while an answer is missing: the gateway may have died."""

LONGEST_LOOK = timedelta(hours=6)
"""The longest time between two looks at a station that has put its reset off for days."""

# --- Asking a station what happened

MAX_ASKS = 3
"""How often a station is asked about one command: a station that is silent thrice stays silent."""

ASK_SPACING = timedelta(seconds=10)
"""How long after a question without a usable reply the station is asked again."""

ASK_GRACE = timedelta(seconds=5)
"""How long the facts may take to arrive after the station's reply: they are messages of its own."""

ASK_AFTER_BOOT = timedelta(seconds=5)
"""How long after its boot a station may report its connectors before it is asked to."""

QUIET_AFTER_RETURN = timedelta(minutes=5)
"""How long a station that lost its power or its network may hold back the start of a session.

OCPP 1.6 repeats a message that was not confirmed after a minute or so, a few times.
"""

# --- Which session is ours

CLOCK_TOLERANCE = timedelta(seconds=30)
"""By how much a station's clock may differ from ours before its times count as a contradiction."""

CLOCK_SLIP = timedelta(seconds=2)
"""By how much a time of a station may be off beside its clock's offset: it tells whole seconds.

A session that is dated longer before our frame did not come from it for certain, unless the clock
is known to be behind.
"""

LATE_START_WINDOW = timedelta(minutes=5)
"""How long after its command was given up a session with the command's token is its late effect.

Hours later the same token is the driver's own new session. A station that names our request (2.x)
is believed at any time.
"""

BEGUN_ANEW = timedelta(minutes=5)
"""How soon after a session was reported its station may begin it anew, under another id."""

UNREPORTED_END_SETTLING = timedelta(seconds=10)
"""How long an end that nobody reported must stand before it is told.

A station that has just booted shows its plugs as free before it has seen the cars.
"""

PLUG_SETTLING = timedelta(seconds=5)
"""How long a plug must be out before the station's wait for it is over: a plug bounces."""

REFUSAL_WATCH = timedelta(minutes=1)
"""How long after a refusal a session that begins all the same is stopped.

A station that refuses and begins does both at once. Later the driver has shown his card himself,
and that session is his own.
"""

BOOT_OWED = timedelta(hours=1)
"""How long before a reset an earlier one was sent at most that may have brought the boot unseen."""

REFUSAL_SLIP = timedelta(seconds=5)
"""How long after a refusal its effect may still come: a no to a stop is told no sooner.

For so long a session of OCPP 1.6, which names no request, is that of a request that was refused.

Three seconds for a slow network, and some for a busy house. Later it may be the driver's own card.
"""

REFUSED_STOP_SLIP = timedelta(seconds=15)
"""How long after its refusal a stop may still work on a session that is known to run.

Stations say no and stop all the same, some only after they have closed the contactor and read the
meter, six to nine seconds later. A no that was told does not change any more.
"""

LIFE_AFTER_REFUSAL = timedelta(seconds=10)
"""How long after its refusal a stopped session must show life: a reading before proves nothing."""

CAUSE_AGE = timedelta(days=1)
"""How long before a session another start may have left and still be its cause.

Longer than a station waits for the cable and a late start counts. It is as long as a start is on
guard: a station that keeps a request for hours keeps it from being believed for hours.
"""

FOREIGN_CAUSE_AGE = timedelta(minutes=10)
"""How long before a session a start of another back end (CSMS) may be its cause, though a start of
ours came after it. Stations wait for the cable for less."""

DOUBT_PAUSE = timedelta(seconds=30)
"""How long a doubtful session may take to become clear before a human is told of it."""

# --- Repeating and undoing

MAX_STOP_FRAMES = 3
"""How often a stop is written for one command: at first, repeated, and with the real id."""

MAX_RESERVE_FRAMES = 3
"""How often a ReserveNow is written for one command, before the reservation is undone instead."""

MAX_CANCEL_FRAMES = 5
"""How often a CancelReservation is written for one command."""

REFUSED_CANCELS = 3
"""How often a station may refuse to cancel a reservation that it still shows, before a human has to
look: a station that says thrice that it has none says so for ever."""

FRAME_PAUSE = timedelta(seconds=5)
"""The first pause after a frame about a reservation that got no usable answer."""

LONGEST_FRAME_PAUSE = timedelta(minutes=10)
"""The longest such pause: a reservation is worth nothing when it is repaired an hour late."""

NO_ID_PATIENCE = timedelta(minutes=3)
"""How long after its report an unwanted session may get the id that a stop has to name.

A station repeats a StartTransaction that was not answered for about as long. Then a human has to
look.
"""

ANSWER_IS_LOST = timedelta(minutes=10)
"""How long after a frame about a reservation left its answer is waited for at the latest.

A gateway that lost the database, or itself, has not told what became of it.
"""

MAX_UNDO_FRAMES = 5
"""How often an unwanted session is told to stop, before a human has to look."""

STOP_AGAIN_PAUSE = timedelta(seconds=10)
"""The first pause after a stop of an unwanted session that had no effect."""

UNDO_ROUTE_PAUSE = timedelta(seconds=30)
"""How long an undo waits for a way to its station, and how long its frame may wait in the queue.

This is no pause between two stops: here nothing was sent yet. A wake-up ends it early.
"""

# --- A reservation that is held

CANCEL_TRIES = 12
"""How often an ended reservation is cancelled at its station: about an hour of growing pauses."""

SETTLING = timedelta(seconds=10)
"""How long a bad status of an EVSE must last: stations pass through some while they restart."""

TAKING_UP = timedelta(seconds=60)
"""How long a driver may take to plug in after his token was shown, when the station did not say."""

REPAIRS = 5
"""How often a reservation is made again within `REPAIR_WINDOW`: then the station's yes is worth
nothing, and the reservation counts as lost."""

REPAIR_WINDOW = timedelta(minutes=15)
"""The time in which repairs are counted."""

CHANGE_TRIES = 3
"""How often a change is written for one request while its answer is lost."""

CORRECTED_WITHIN = timedelta(days=7)
"""How long after a reservation's end a session that began before it is heard of at the latest.

A station that lost its network over a long weekend tells then what it kept. Later reports are those
of a station that was away for good, and whoever asked has settled the matter otherwise.
"""

CLEARING = timedelta(days=1)
"""How long after its end a reservation is still cancelled at a station that was away."""

SHOWN_PAUSE = timedelta(minutes=10)
"""When a station is looked at that is away, and showed a reservation that had ended."""
