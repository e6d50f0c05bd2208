"""Every limit and pause of the workflows that no operator sets.

What depends on a fleet of stations is a setting and travels with the command (`Timing`). The values
here belong to the working together of workflows, gateways and the fleet's database. Workflow code
reads them while it is replayed: another value changes what running workflows do next, so a change
needs a golden history.
"""

from datetime import timedelta

# --- Calls to the fleet's database

LOOK_UP = timedelta(seconds=10)
"""How long one read or write of the fleet may take before it is tried again."""

FIRST_RETRY = timedelta(milliseconds=100)
"""The first pause after a read or write of the fleet that failed. It doubles with each try."""

LONGEST_RETRY = timedelta(seconds=5)
"""The longest such pause: how late a workflow may notice that the database is back."""

# --- Calls to a gateway

GATEWAY_PICKUP = timedelta(seconds=4)
"""A gateway that does not take a frame for so long is gone: the station is looked up again."""

GATEWAY_HEARTBEAT = timedelta(seconds=8)
"""A gateway that is silent for so long while it has a frame is gone."""

GATEWAY_SLACK = timedelta(seconds=10)
"""Added to the time that a frame may take, before its gateway counts as gone."""

# --- Looking while a frame is out

ANSWER_IS_LATE = timedelta(milliseconds=500)
"""How long after a wake-up an answer may still come before the facts are looked at without it.

Most stations report a session just before or after their answer; then one look is enough.
"""

# --- Reservations

END_IS_NEAR = timedelta(seconds=1)
"""How long before a reservation's end its timer rings: Temporal's timers may ring a second late."""

LONGEST_WAIT_FOR_END = timedelta(seconds=2)
"""How long an activity may wait for the end itself: a task of the workflow waits with it."""

NO_GATEWAY_PAUSE = timedelta(seconds=10)
"""How long a reservation's frame waits for its station's gateway, unless woken."""

NOT_SENT_PAUSE = timedelta(seconds=2)
"""How long after a reservation's frame was certainly not sent it is decided on again."""

RESERVATION_FRAME_WAIT = timedelta(seconds=30)
"""How long a reservation's frame may wait in the station's queue. The facts decide what is next."""

# --- Runs

HISTORY_LIMIT = 1_500
"""Events after which a run of a command's or a reservation's workflow hands over to the next one.
A signal costs about five of them, so a run takes some 300 signals. Temporal takes 10,000."""

# --- Callbacks

POST_LIMIT = timedelta(seconds=30)
"""A try without a result is given up then, also while its broker lives."""

POST_HEARTBEAT = timedelta(seconds=8)
"""A broker that is silent for so long during a try has died with it."""

TURN_RETRY = timedelta(seconds=1)
"""The pause of a post that a broker handed back without saying for how long. It doubles."""

LONGEST_TURN_RETRY = timedelta(seconds=30)
"""The longest such pause."""
