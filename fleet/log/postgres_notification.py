"""What a PostgreSQL notification carries: which command or reservation the log has grown by.

Channel: `evcommand_log`. Payload: the path `<tenant>/<name>` of the resource. It carries no state
and no cursor: a notification may be lost, doubled or early, so its receiver reads the log.

The notification is part of the INSERT of the event (see `event_log`): PostgreSQL sends it when the
transaction commits, and never for a transaction that is rolled back. SQLite has no notifications;
there the file is polled (see `fleet.engine.commit_sources`).
"""

from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func

CHANNEL = "evcommand_log"


def path(tenant: str, name: str) -> str:
    """The path of a resource: how notifications and watchers name it."""
    return f"{tenant}/{name}"


def notify(tenant: ColumnElement[Any], name: ColumnElement[Any]) -> ColumnElement[str]:
    """The SQL expression that sends the notification, for a RETURNING clause."""
    return cast(func.pg_notify(CHANNEL, tenant + "/" + name), Text)
