"""What the processes write and read about commands and reservations in the fleet's database.

    record    applies a change to the newest snapshot and appends it to the event log
    facts     reads all that may concern a command or reservation, as the domain's facts
    waking    finds whom a station's message concerns, and puts wake-ups into the outbox
    wakeups   delivers the outbox to Temporal
    explain   explains a command from what was recorded

The gateway, the worker and the broker all write here, each in the transaction of what it saw. The
decisions are the domain's; SQL is the fleet's.
"""
