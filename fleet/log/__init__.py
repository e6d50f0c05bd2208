"""Append-only records of commands and reservations.

event_log: the log itself, the newest snapshot of each resource, order and cursors.
commands, reservations: the two kinds of resources in the log.
postgres_notification: what PostgreSQL notifies when the log has grown.
watchers: how tasks of this process wait for the log to grow.
counting: how the commands of a period ended.
notes: what ExplainCommand shows and no other table holds.
"""
