"""The body and the signed headers of a post, after the Standard Webhooks specification. Pure."""

import base64
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from standardwebhooks.webhooks import Webhook

from broker.callbacks.convert import PostedEvent, posted_command
from domain.callbacks import NewsKind
from domain.model.command import Command
from fleet.event_posts import EventDelivery

_SECRET_BYTES = 32
_AGENT = "evcommand-callbacks"


def make_secret() -> str:
    """A new secret: `whsec_` and 256 random bits in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def body_of(news: NewsKind, command: Command, time: datetime) -> str:
    """The JSON of a post. time: when the command changed."""
    return _body(news.value, command.revision, {"data": posted_command(command)}, time)


def body_of_event(event: EventDelivery, content: PostedEvent) -> str:
    """The JSON of an event's post."""
    change = {} if content.change is None else {"change": content.change}
    parts = {"data": content.data, **change}
    return _body(event.news, event.sequence, parts, event.change_time)


def _body(type: str, sequence: int, parts: dict[str, Any], time: datetime) -> str:
    at = time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    content = {"type": type, "timestamp": at, "sequence": sequence, **parts}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def signed_headers(id: str, body: str, keys: Sequence[str], now: datetime) -> dict[str, str]:
    """The headers of a post, with one signature per secret, the newest secret first."""
    at = now.astimezone(UTC).replace(microsecond=0)
    return {
        "content-type": "application/json",
        "user-agent": _AGENT,
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(id, at, body) for key in keys),
    }
