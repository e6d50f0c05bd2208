"""What a page token or a resume token is bound to: a digest of what a request selects. Pure."""

import hashlib

from google.protobuf.message import Message

_PAGING = ("page_size", "page_token")
_RESUMING = ("resume_token",)


def list_selection(tenant: str, request: Message) -> str:
    """Digest of the filters of a List request."""
    return _digest(tenant, request, _PAGING)


def watch_selection(tenant: str, request: Message) -> str:
    """Digest of what a Watch request selects."""
    return _digest(tenant, request, _RESUMING)


def _digest(tenant: str, request: Message, ignored: tuple[str, ...]) -> str:
    chosen = type(request)()
    chosen.CopyFrom(request)
    for field in ignored:
        chosen.ClearField(field)
    method = request.DESCRIPTOR.name.removesuffix("Request")
    content = chosen.SerializeToString(deterministic=True)
    return hashlib.sha256(f"{tenant}\n{method}\n".encode() + content).hexdigest()[:16]
