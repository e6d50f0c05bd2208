"""The rules of remote commands and reservations, in pure code.

Nothing here reads a clock, does I/O or waits: the time is an argument. Only the standard library is
imported. `commands/` has one file per command. `reservations/` has the life of a reservation,
`evidence/` what is known about a command, and `model/` the vocabulary that the others share.
"""
