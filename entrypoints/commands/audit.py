"""`evcommand audit`: prints who changed what, the newest first."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
import grpc
from evcommand.v1 import audit_service_pb2 as pb
from evcommand.v1 import audit_service_pb2_grpc as pb_grpc
from google.protobuf.json_format import MessageToDict

from entrypoints.commands.broker_access import CALL_S, BrokerAccess, asking, printable
from entrypoints.commands.spans import span_in

_PAGE = 200
_REMEDIES = {grpc.StatusCode.PERMISSION_DENIED: "Use the API key of a caller with the right admin."}


def audit(since: str, access: BrokerAccess, *, as_json: bool) -> None:
    """Asks the broker for the audit entries of this span and prints them.

    Raises: CannotStart with the remedy when the broker cannot be asked or refuses;
    click.BadParameter for a span that is none.
    """
    begin = beginning(since, datetime.now(UTC))
    for entry in _entries(begin, access):
        click.echo(json.dumps(MessageToDict(entry)) if as_json else line(entry))


def beginning(since: str, now: datetime) -> datetime:
    """The time that is meant by "30m", "24h", "7d", or an RFC 3339 time.

    Raises: click.BadParameter.
    """
    if span := span_in(since):
        return now - span
    try:
        given = datetime.fromisoformat(since)
    except ValueError:
        given = None
    if given is None or given.tzinfo is None:
        raise click.BadParameter(
            f"{since!r} is neither a span as 30m, 24h or 7d, nor a time as 2026-05-04T12:00:00Z",
            param_hint="--since",
        )
    return given


def line(entry: pb.AuditEntry) -> str:
    """An entry as one line: when, who, what, and how it ended when it was denied."""
    time = f"{entry.create_time.ToDatetime():%Y-%m-%d %H:%M:%S}"
    ended = "" if entry.code == "OK" else f"{entry.code} ({entry.reason})"
    times = f"{entry.times} times" if entry.times > 1 else ""
    what = " ".join(each for each in (entry.resource, ended, times) if each)
    return printable(f"{time}  {entry.caller or '-':<20} {entry.method:<24} {what}")


def _entries(begin: datetime, access: BrokerAccess) -> Iterator[pb.AuditEntry]:
    request = pb.ListAuditEntriesRequest(page_size=_PAGE)
    request.create_time.start_time.FromDatetime(begin)
    with asking(access, _REMEDIES) as channel:
        stub: Any = pb_grpc.AuditServiceStub(channel)
        while True:
            reply = stub.ListAuditEntries(request, metadata=access.metadata, timeout=CALL_S)
            yield from reply.entries
            if not reply.next_page_token:
                return
            request.page_token = reply.next_page_token
